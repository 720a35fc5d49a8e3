"""``tieout rate --simulate``: last month with other prices, by the models that rate production, and nothing of the installation changes."""

from __future__ import annotations

import csv
import hashlib
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.dbt.project import DbtPaths, invoke, parsed_project
from dagster_project.rating.simulation import simulate
from reverse_etl.cases.deliveries import deliver
from reverse_etl.cases.scenario import Charge, Scenario, Subscription, Tier, UsageEvent, flat, quantity_event
from reverse_etl.errors import ConfigurationError
from reverse_etl.landing import land
from reverse_etl.settings import Settings

MARCH = date(2026, 3, 1)
APRIL = date(2026, 4, 1)
PRICES = "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee,rate_percent,block_size"


def customer(quantity: str, currency: str = "USD", price: str = "0.5", *charges: Charge) -> Scenario:
    usage = Charge("per_unit", (Tier(unit_price=price),))
    # April has begun and is not over: usage of its first day landed.
    events: list[UsageEvent] = [quantity_event(MARCH, quantity), quantity_event(APRIL, "1000", 1)]
    return Scenario((Subscription((usage, *charges), MARCH),), events, currency=currency)


SCENARIOS = {
    "dearer": customer("10"),
    "cheaper": customer("20"),
    "same": customer("30", "USD", "0.5", flat("fee", Decimal(7))),
    "yen": customer("100", "JPY", "2"),
    "unpriced": customer("10", "USD", "-1"),
    "unpriced-now": customer("10"),
}
# Delivered as a price book would be: the former version ends where the next one starts.
CHANGED = [
    PRICES,
    "dearer/usage,1,dearer/usage,USD,2000-01-01,2026-03-01,,0.5,0,,",
    "dearer/usage,2,dearer/usage,USD,2026-03-01,,,0.75,0,,",
    "cheaper/usage,1,cheaper/usage,USD,2000-01-01,2026-03-01,,0.5,0,,",
    "cheaper/usage,2,cheaper/usage,USD,2026-03-01,,,0.1,1,,",
    "yen/usage,1,yen/usage,JPY,2000-01-01,2026-03-01,,2,0,,",
    "yen/usage,2,yen/usage,JPY,2026-03-01,,,3,0,,",
    "unpriced-now/usage,1,unpriced-now/usage,USD,2000-01-01,2026-03-01,,0.5,0,,",
    "same/usage,1,same/usage,USD,2000-01-01,2026-05-01,,0.5,0,,",
    "same/usage,2,same/usage,USD,2026-05-01,,,9,0,,",
]


@dataclass(frozen=True)
class Simulated:
    settings: Settings
    before: dict[str, str]
    after: dict[str, str]
    answer: dict[str, Any]
    by_customer: list[dict[str, str]]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    settings = Settings(home=tmp_path_factory.mktemp("installation"), entities=("cases",))
    initialize(settings)
    installation = Installation(settings)
    deliver(settings.inbox, SCENARIOS)
    assert not land(installation.warehouse, settings).problems
    build = ["build", "--select", "+rated_lines", "+refused_reference_rows", "--exclude-resource-type", "unit_test", "test"]
    assert invoke(DbtPaths.of(settings), build, parsed_project(settings)).success
    installation.warehouse.publish()
    folder = tmp_path_factory.mktemp("changed")
    (folder / "prices.csv").write_text("\n".join(CHANGED) + "\n")
    before = contents(settings)
    out = command(settings, "--simulate", str(folder), "--by-charge", "--csv", str(folder.parent / "customers.csv"), "--json")
    with (folder.parent / "customers.csv").open(newline="") as stream:
        by_customer = list(csv.DictReader(stream))
    return Simulated(settings, before, contents(settings), json.loads(out), by_customer)


def contents(settings: Settings) -> dict[str, str]:
    """Every file of the installation, warehouse, published copy and register among them, by its hash; locks and logs say who came by."""
    files = [path for path in sorted(settings.home.rglob("*")) if path.is_file()]
    named = {path.relative_to(settings.home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {name: content for name, content in named.items() if not name.startswith(("locks/", "logs/", "dbt/"))}


def command(settings: Settings, *arguments: str, code: int = 0) -> str:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        assert run(["--home", str(settings.home), "rate", *arguments]) == code, errors.getvalue()
    return out.getvalue() + errors.getvalue()


def test_nothing_of_the_installation_is_touched(simulated: Simulated) -> None:
    assert simulated.after == simulated.before
    assert {"warehouse/warehouse.duckdb", "published/warehouse.duckdb", "register.sqlite"} <= set(simulated.before)


def test_the_last_full_month_is_told_by_customer(simulated: Simulated) -> None:
    assert simulated.answer["period"] == "2026-03"
    changes = {
        row["subject"]: (row["currency"], row["old_minor"], row["new_minor"], row["difference_minor"]) for row in simulated.answer["customers"]
    }
    assert changes == {
        "cheaper": ("USD", 1000, 300, -700),
        "dearer": ("USD", 500, 750, 250),
        "same": ("USD", 1500 + 700, 1500 + 700, 0),
        "yen": ("JPY", 200, 300, 100),
    }
    assert [row["customer"] for row in simulated.by_customer] == ["cheaper", "dearer", "same", "yen"]
    assert [row["difference_minor"] for row in simulated.by_customer] == ["-700", "250", "0", "100"]


def test_the_change_is_told_by_charge_and_in_all(simulated: Simulated) -> None:
    charges = {row["subject"]: row["difference_minor"] for row in simulated.answer["charges"]}
    assert charges == {"cheaper/usage": -700, "dearer/usage": 250, "same/fee": 0, "same/usage": 0, "yen/usage": 100}
    assert simulated.answer["totals"] == [
        {"currency": "JPY", "old_minor": 200, "new_minor": 300, "difference_minor": 100, "up": 1, "down": 0, "unchanged": 0},
        {"currency": "USD", "old_minor": 3700, "new_minor": 3250, "difference_minor": -450, "up": 1, "down": 1, "unchanged": 1},
    ]


def test_a_held_line_has_its_reason_and_is_in_no_total(simulated: Simulated) -> None:
    held = {row["customer_id"]: row for row in simulated.answer["held"]}
    assert set(held) == {"unpriced", "unpriced-now"}
    assert (held["unpriced"]["old_hold_reason"], held["unpriced"]["new_hold_reason"]) == ("missing_price", "missing_price")
    assert (held["unpriced-now"]["old_hold_reason"], held["unpriced-now"]["new_hold_reason"]) == (None, "missing_price")
    assert (held["unpriced-now"]["old_minor"], held["unpriced-now"]["new_minor"]) == (500, None)


def test_a_price_of_a_later_month_is_told_to_change_nothing(simulated: Simulated, tmp_path: Path) -> None:
    note = "price same/usage version 2 is effective from 2026-05-01 on, after 2026-03: it changes nothing there"
    assert note in simulated.answer["notes"]
    assert not any("change nothing" in told for told in simulated.answer["notes"])
    path = tmp_path / "prices-2026-05.csv"
    path.write_text("\n".join([PRICES, *CHANGED[-2:]]) + "\n")
    alone = simulate(Installation(simulated.settings), [path])
    assert alone.notes == ["The changed files change nothing in 2026-03", note]
    assert all(change.difference_minor == 0 for change in alone.customers)


def test_a_row_that_is_refused_is_named_by_its_file_line_and_rule(simulated: Simulated, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    # The version that is delivered already has no end: on one day there would be two prices.
    path.write_text("\n".join([PRICES, CHANGED[2], "same/usage,2,same/usage,USD,2026-03-01,2026-04-01,,-1,0,,"]) + "\n")
    [told] = command(simulated.settings, "--simulate", str(path), code=1).splitlines()
    assert f"{path} line 2: two_prices_for_an_instant (price dearer/usage version 2: " in told
    assert f"{path} line 3: negative_price (price same/usage version 2: " in told


def test_what_cannot_be_simulated_is_refused_before_anything_is_rated(simulated: Simulated, tmp_path: Path) -> None:
    installation = Installation(simulated.settings)
    (tmp_path / "notes.csv").write_text("a\n")
    with pytest.raises(ConfigurationError, match=r"notes\.csv is of no source of reference data"):
        simulate(installation, [tmp_path / "notes.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="there is no file to simulate with"):
        simulate(installation, [tmp_path / "empty"])
    assert "is not YYYY-MM" in command(simulated.settings, "--simulate", str(tmp_path / "notes.csv"), "--period", "March", code=1)
    assert "--simulate is used without --input" in command(simulated.settings, "--simulate", str(tmp_path), "--output", "x.json", code=2)
    assert "give --input and --output" in command(simulated.settings, code=2)
