"""The sample's own figures are counted again here from its files, by the rules of the event contract and in plain Python."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyarrow import parquet

from reverse_etl.errors import ConfigurationError
from reverse_etl.sandbox.sample import SampleSummary, generate

EVENTS = 12_000
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "data")
PLANTED = {
    "beyond_window",
    "clock_ahead",
    "conflicting_content",
    "invalid_quantity",
    "invalid_time",
    "malformed",
    "missing_attribute",
    "negative_quantity",
    "null_quantity",
    "quantity_out_of_range",
    "unknown_customer",
    "unknown_meter",
    "unknown_specversion",
    "unknown_type",
}


@dataclass(frozen=True)
class Line:
    landed_on: date
    file_name: str
    number: int
    event: dict[str, Any] | None


@dataclass(frozen=True)
class Kept:
    customer: str
    meter: str
    quantity: Decimal
    month: str
    landed_on: date
    corrected: bool


class Reference(dict[str, list[dict[str, str]]]):
    def __init__(self, home: Path) -> None:
        for path in (home / "inbox").glob("*/2026-01-01/*.csv"):
            if path.parent.parent.name != "usage":
                with path.open(newline="") as stream:
                    self[path.stem] = list(csv.DictReader(stream))
        self.customers = {row["customer_id"]: row for row in self["customers"]}
        self.subscriptions = {row["customer_id"]: row for row in self["subscriptions"]}
        self.functional = {row["entity_id"]: row["functional_currency"] for row in self["legal_entities"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def summary(home: Path) -> SampleSummary:
    return generate(home, events=EVENTS)


@pytest.fixture(scope="module")
def reference(home: Path, summary: SampleSummary) -> Reference:
    return Reference(home)


@pytest.fixture(scope="module")
def outcomes(home: Path, summary: SampleSummary, reference: Reference) -> tuple[list[Kept], dict[str, Counter[str]]]:
    return judge(list(lines(home)), reference)


def lines(home: Path) -> Iterator[Line]:
    for path in sorted((home / "inbox" / "usage").glob("*/*")):
        landed_on = date.fromisoformat(path.parent.name)
        for number, event in enumerate(events(path), start=1):
            yield Line(landed_on, path.name, number, event)


def events(path: Path) -> Iterator[dict[str, Any] | None]:
    if path.suffix == ".parquet":
        yield from (with_data(row) for row in parquet.read_table(path).to_pylist())
        return
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    if ".csv" in path.name:
        yield from (with_data(row) for row in csv.DictReader(io.StringIO(text)))
        return
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        yield event if isinstance(event, dict) else None


def with_data(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "data": json.loads(row["data"]) if row["data"] else None}


def reason_to_quarantine(line: Line, reference: Reference, meters: set[str]) -> str | None:
    event = line.event
    if event is None:
        return "malformed"
    if any(not event.get(attribute) for attribute in ATTRIBUTES):
        return "missing_attribute"
    if event["specversion"] != "1.0":
        return "unknown_specversion"
    if not event["type"].endswith((".usage.recorded.v1", ".usage.corrected.v1")):
        return "unknown_type"
    try:
        time = datetime.fromisoformat(event["time"])
    except ValueError:
        return "invalid_time"
    return reason_of_quantity(event) or reason_of_time(time, line.landed_on) or reason_of_names(event, reference, meters)


def reason_of_quantity(event: dict[str, Any]) -> str | None:
    given = event["data"].get("quantity")
    if given is None:
        return "null_quantity"
    try:
        quantity = Decimal(str(given))
    except InvalidOperation:
        return "invalid_quantity"
    if quantity < 0 and event["type"].endswith(".usage.recorded.v1"):
        return "negative_quantity"
    too_fine = bool(re.search(r"\.\d{13,}$", str(given)))
    return "quantity_out_of_range" if too_fine or abs(quantity) >= 10**10 else None


def reason_of_time(time: datetime, landed_on: date) -> str | None:
    arrived = datetime(landed_on.year, landed_on.month, landed_on.day, tzinfo=UTC)
    if time >= arrived + timedelta(days=1, minutes=5):
        return "clock_ahead"
    return "beyond_window" if time < arrived - timedelta(days=35) else None


def reason_of_names(event: dict[str, Any], reference: Reference, meters: set[str]) -> str | None:
    if event["subject"] not in reference.customers:
        return "unknown_customer"
    return None if event["data"]["meter"] in meters else "unknown_meter"


def judge(delivered: list[Line], reference: Reference) -> tuple[list[Kept], dict[str, Counter[str]]]:
    """Every line's outcome, by landing month."""
    meters = {row["meter"] for row in reference["meters"]}
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    identities: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in delivered:
        reason = reason_to_quarantine(line, reference, meters)
        if reason is not None:
            counted[month_of(line)][reason] += 1
        elif line.event is not None:
            identities[line.event["source"], line.event["id"]].append(line)
    kept = []
    for copies in identities.values():
        copies.sort(key=lambda line: (line.landed_on, line.file_name, line.number))
        earliest = {content(line) for line in copies if line.landed_on == copies[0].landed_on}
        for position, line in enumerate(copies):
            if len(earliest) > 1 or content(line) != content(copies[0]):
                outcome = "conflicting_content"
            elif position > 0:
                outcome = "duplicate"
            else:
                outcome = "kept"
                kept.append(as_kept(line, reference))
            counted[month_of(line)][outcome] += 1
    return kept, counted


def content(line: Line) -> str:
    return json.dumps([(line.event or {})[attribute] for attribute in ("type", "subject", "time", "data")])


def month_of(line: Line) -> str:
    return f"{line.landed_on:%Y-%m}"


def as_kept(line: Line, reference: Reference) -> Kept:
    event = line.event or {}
    zone = ZoneInfo(reference.customers[event["subject"]]["time_zone"])
    month = f"{datetime.fromisoformat(event['time']).astimezone(zone):%Y-%m}"
    quantity = Decimal(str(event["data"]["quantity"]))
    return Kept(event["subject"], event["data"]["meter"], quantity, month, line.landed_on, event["type"].endswith("corrected.v1"))


def is_late(kept: Kept) -> bool:
    """After the partition of the first day of the next month has landed, the month closes."""
    year, month = map(int, kept.month.split("-"))
    return kept.landed_on > date(year + month // 12, month % 12 + 1, 1)


def test_every_line_is_what_the_summary_says(summary: SampleSummary, outcomes: tuple[list[Kept], dict[str, Counter[str]]]) -> None:
    kept, counted = outcomes
    late = Counter(f"{one.landed_on:%Y-%m}" for one in kept if is_late(one))
    assert counted.keys() <= summary.by_landing_month.keys()
    for month, expected in summary.by_landing_month.items():
        found = Counter(counted[month])
        assert found.total() == expected.received
        assert found.pop("kept", 0) == expected.kept
        assert found.pop("duplicate", 0) == expected.duplicates
        assert late[month] == expected.late
        assert dict(found) == expected.quarantined


def test_the_months_add_up_to_the_total_and_no_line_vanishes(summary: SampleSummary) -> None:
    total, months = summary.total, summary.by_landing_month.values()
    for figure in ("received", "kept", "late", "duplicates"):
        assert getattr(total, figure) == sum(getattr(month, figure) for month in months)
    assert dict(total.quarantined) == dict(sum((Counter(month.quarantined) for month in months), Counter()))
    assert total.received == total.kept + total.duplicates + sum(total.quarantined.values())
    assert abs(total.received - EVENTS) <= EVENTS // 100


def test_every_kind_of_dirt_is_there_more_than_once(summary: SampleSummary) -> None:
    assert set(summary.total.quarantined) == PLANTED
    assert min(summary.total.quarantined.values()) >= 3
    assert summary.total.duplicates >= 6


def test_kept_quantities_are_those_of_the_summary(summary: SampleSummary, outcomes: tuple[list[Kept], dict[str, Counter[str]]]) -> None:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for kept in outcomes[0]:
        sums[kept.meter, kept.month] += kept.quantity
    assert sums == {(meter, month): Decimal(text) for meter, months in summary.kept_quantity.items() for month, text in months.items()}


def test_late_usage_arrives_within_three_to_twenty_days_of_the_month_after_its_own(outcomes: tuple[list[Kept], dict[str, Counter[str]]]) -> None:
    late = [kept for kept in outcomes[0] if is_late(kept)]
    assert {kept.month for kept in late} == {"2026-01", "2026-02"}
    assert {int(kept.landed_on.month) - int(kept.month[-2:]) for kept in late} == {1}
    assert all(3 <= kept.landed_on.day <= 20 for kept in late)


def test_clean_usage_can_be_billed_without_a_hold(reference: Reference, outcomes: tuple[list[Kept], dict[str, Counter[str]]]) -> None:
    charge_of = {(row["plan_id"], row["meter"]): row["charge_id"] for row in reference["charges"] if row["kind"] == "usage"}
    priced = {(row["charge_id"], row["currency"]) for row in reference["prices"]}
    taxed = {(row["entity_id"], row["country"], row["tax_code"]) for row in reference["tax_rates"]}
    mapped = {(row["entity_id"], row["role"], row["product"]) for row in reference["account_mappings"]}
    accounts = {(row["entity_id"], row["account_code"]) for row in reference["accounts"]}
    for customer in reference.customers.values():
        plan = reference.subscriptions[customer["customer_id"]]["plan_id"]
        for charge in (row for row in reference["charges"] if row["plan_id"] == plan):
            assert (charge["charge_id"], customer["currency"]) in priced
            assert (customer["entity_id"], customer["country"], charge["tax_code"]) in taxed
    for kept in outcomes[0]:
        subscription = reference.subscriptions[kept.customer]
        assert (subscription["plan_id"], kept.meter) in charge_of
        assert subscription["starts_on"][:7] <= kept.month
        assert not subscription["ends_on"] or kept.month <= subscription["ends_on"][:7]
    for row in reference["account_mappings"]:
        for entity in reference.functional if row["entity_id"] == "*" else [row["entity_id"]]:
            assert (entity, row["account_code"]) in accounts
    roles = {role for _, role, _ in mapped}
    assert roles == {
        *("receivable", "usage_revenue", "subscription_revenue", "deferred_revenue", "tax_payable", "currency_rounding"),
        *("intercompany_receivable", "intercompany_payable", "intercompany_revenue", "intercompany_expense"),
        *("unbilled_receivable", "unrealised_exchange_difference"),
        *("contract_liability", "breakage_revenue", "cash", "realised_exchange_difference"),
    }


def test_every_sales_currency_has_a_rate_to_the_functional_currency_on_every_day(reference: Reference) -> None:
    sold = {(row["currency"], reference.functional[row["entity_id"]]) for row in reference.customers.values()}
    assert sold == {("USD", "USD"), ("JPY", "USD"), ("EUR", "EUR"), ("USD", "EUR")}
    rates = {(row["rate_date"], row["from_currency"], row["to_currency"]): row["rate"] for row in reference["exchange_rates"]}
    for source, target in sold:
        for offset in range((date(2026, 4, 10) - date(2025, 12, 25)).days + 1):
            day = (date(2025, 12, 25) + timedelta(days=offset)).isoformat()
            assert source == target or re.fullmatch(r"\d+\.\d{8}", rates[day, source, target])


def test_corrections_leave_usage_above_zero_and_take_money_back(
    summary: SampleSummary, reference: Reference, outcomes: tuple[list[Kept], dict[str, Counter[str]]]
) -> None:
    groups: dict[tuple[str, str, str], list[Kept]] = defaultdict(list)
    for kept in outcomes[0]:
        groups[kept.customer, kept.meter, kept.month].append(kept)
    corrected = {key: group for key, group in groups.items() if any(kept.corrected for kept in group)}
    assert sum(kept.corrected for group in corrected.values() for kept in group) == summary.corrections >= 8
    for (customer, meter, month), group in corrected.items():
        invoiced = sum((kept.quantity for kept in group if not is_late(kept)), Decimal())
        standing = sum((kept.quantity for kept in group), Decimal())
        currency = reference.customers[customer]["currency"]
        charge = f"{reference.subscriptions[customer]['plan_id']}.{meter}"
        tiers = [
            row for row in reference["prices"] if (row["charge_id"], row["currency"]) == (charge, currency) and row["effective_from"][:7] <= month
        ]
        tiers = [row for row in tiers if not row["effective_to"] or month < row["effective_to"][:7]]
        unit = Decimal(1) if currency == "JPY" else Decimal("0.01")
        assert 0 < standing < invoiced
        assert rated(invoiced, tiers) - rated(standing, tiers) > unit, "visible once rounded, in whatever tier it falls"


def rated(quantity: Decimal, tiers: list[dict[str, str]]) -> Decimal:
    amount, below = Decimal(), Decimal()
    for tier in tiers:
        up_to = Decimal(tier["tier_up_to"]) if tier["tier_up_to"] else None
        within = min(quantity, up_to) if up_to is not None else quantity
        amount += max(within - below, Decimal()) * Decimal(tier["unit_price"])
        below = up_to if up_to is not None else below
    return amount


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("first", 3), ("second", 3), ("other", 4)):
        generate(tmp_path / name, events=2_000, seed=seed)
    assert digest(tmp_path / "first") == digest(tmp_path / "second")
    assert digest(tmp_path / "first") != digest(tmp_path / "other")
    suffixes = {"".join(path.suffixes) for path in (tmp_path / "first" / "inbox" / "usage").glob("*/*")}
    assert suffixes == {".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet"}


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def test_each_gateway_delivers_every_day_even_without_usage(home: Path, summary: SampleSummary) -> None:
    days = sorted(path.name for path in (home / "inbox" / "usage").iterdir())
    assert (days[0], days[-1], len(days)) == ("2025-12-31", "2026-04-01", 92)
    for day in days:
        gateways = {path.name.split(".")[0] for path in (home / "inbox" / "usage" / day).iterdir()}
        assert gateways >= {"us-1", "eu-1", "ap-1"}


def test_what_is_expected_is_written_beside_the_inbox(home: Path, summary: SampleSummary) -> None:
    expected = json.loads((home / "sample_expected.json").read_text())
    assert expected["total"]["kept"] == summary.total.kept
    assert expected["by_landing_month"]["2026-02"]["quarantined"] == summary.by_landing_month["2026-02"].quarantined


def test_a_folder_holds_one_sample_only(home: Path, summary: SampleSummary) -> None:
    assert generate(home, events=EVENTS) == summary
    with pytest.raises(ConfigurationError, match="already holds the sample of 12000 events and 200 customers with seed 7"):
        generate(home, events=EVENTS, seed=8)


def test_a_sample_too_small_for_its_dirt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ask for 1000 or more"):
        generate(tmp_path, events=999)
    with pytest.raises(ConfigurationError, match="ask for 20 or more"):
        generate(tmp_path, customer_count=19)
    assert not (tmp_path / "inbox").exists()
