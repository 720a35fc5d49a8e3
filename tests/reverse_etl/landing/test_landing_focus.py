"""One FOCUS 1.0 file of real cloud consumption becomes events, meters, prices, customers and subscriptions by mapping alone."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.landing import LandingReport, land
from reverse_etl.landing.mapping import BUILT_IN
from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse, open_warehouse

FOCUS_FILE = Path(__file__).parents[4] / "shared" / "data" / "focus_sample.csv"
pytestmark = pytest.mark.skipif(not FOCUS_FILE.is_file(), reason="the FOCUS sample is not beside this repository")

ARRIVAL = "2024-10-01"
MAPPINGS = BUILT_IN / "examples" / "focus"
Landed = tuple[Warehouse, LandingReport]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    settings = Settings(home=tmp_path_factory.mktemp("focus"))
    settings.mappings.mkdir(parents=True)
    for mapping in MAPPINGS.glob("*.yaml"):
        shutil.copy(mapping, settings.mappings)
        deliver(FOCUS_FILE, settings.inbox / mapping.stem / ARRIVAL)
    for reference in (MAPPINGS / "reference").glob("*.csv"):
        deliver(reference, settings.inbox / reference.stem / ARRIVAL)
    warehouse = open_warehouse(settings)
    return warehouse, land(warehouse, settings)


def deliver(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copy(file, folder)


@pytest.fixture(scope="module")
def focus_rows() -> list[dict[str, str]]:
    with FOCUS_FILE.open(newline="") as stream:
        return list(csv.DictReader(stream))


def count(warehouse: Warehouse, relation: str, condition: str = "true") -> int:
    value: Any = warehouse.read(f"select count(*) as found from {relation} where {condition}")["found"][0].as_py()
    return int(value)


def test_every_row_of_the_file_is_landed_left_out_or_a_repetition(landed: Landed) -> None:
    warehouse, report = landed
    assert report.problems == ()
    mapped = [file for file in report.files if file.source.startswith("focus_")]
    assert len(mapped) == 7
    assert {file.rows + file.excluded + file.repeated for file in mapped} == {1000}
    assert {file.excluded for file in mapped} == {3}
    assert count(warehouse, "raw.landed_files", "row_count + excluded_count + repeated_count = 1000") == 7


def test_one_file_gives_events_meters_prices_customers_and_subscriptions(landed: Landed) -> None:
    warehouse, _ = landed
    assert count(warehouse, "raw.usage_events") == 997
    assert count(warehouse, "raw.usage_events", "type like '%.usage.corrected.v1'") == 12
    assert count(warehouse, "raw.usage_events", "specversion = '1.0' and parse_error is null and data is not null") == 997
    assert [count(warehouse, f"raw.{relation}") for relation in ("plans", "customers", "subscriptions")] == [1, 73, 73]
    assert [count(warehouse, f"raw.{relation}") for relation in ("meters", "charges", "prices")] == [267, 267, 267]
    assert count(warehouse, "(select distinct meter from raw.meters)") == 267, "one unit and description per meter"
    assert count(warehouse, "(select distinct price_id from raw.prices)") == 267, "one list price per meter"


def test_quantity_times_list_price_is_the_list_cost_of_every_account(landed: Landed, focus_rows: list[dict[str, str]]) -> None:
    warehouse, _ = landed
    priced = warehouse.read(
        "select subject, json_extract_string(data, '$.quantity') as quantity, unit_price from raw.usage_events"
        " join raw.charges on charges.meter = json_extract_string(data, '$.meter') join raw.prices on prices.charge_id = charges.charge_id"
    ).to_pylist()
    assert len(priced) == 997
    by_account: defaultdict[str, Decimal] = defaultdict(Decimal)
    rows_of: defaultdict[str, int] = defaultdict(int)
    for row in priced:
        by_account[row["subject"]] += Decimal(row["quantity"]) * Decimal(row["unit_price"])
        rows_of[row["subject"]] += 1
    listed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in focus_rows:
        if row["ChargeCategory"] == "Usage":
            listed[row["SubAccountId"]] += Decimal(row["ListCost"])
    assert by_account.keys() == listed.keys()
    for account, cost in listed.items():
        assert abs(by_account[account] - cost) <= Decimal("0.00006") * rows_of[account]


def test_times_are_instants_of_the_billed_month(landed: Landed) -> None:
    warehouse, _ = landed
    assert count(warehouse, "raw.usage_events", "regexp_matches(time, '^2024-09-[0-3][0-9]T[0-2][0-9]:00:00Z$')") == 997


def test_rows_that_are_not_usage_are_exceptions_that_explain_themselves(landed: Landed, focus_rows: list[dict[str, str]]) -> None:
    warehouse, report = landed
    others = {number: row for number, row in enumerate(focus_rows, start=2) if row["ChargeCategory"] != "Usage"}
    assert {exclusion.line_number for exclusion in report.exclusions} == set(others)
    for exclusion in report.exclusions:
        row = others[exclusion.line_number or 0]
        assert exclusion.file_name == f"focus_usage/2024-10-01/{FOCUS_FILE.name}"
        assert row["ChargeCategory"].lower() in exclusion.reason.lower()
        assert row["BilledCost"] in exclusion.reason
        assert "approved" in exclusion.remedy
    assert count(warehouse, "raw.excluded_rows", "source = 'focus_usage' and record is not null") == 3


def test_prices_and_subscriptions_hold_at_the_time_of_every_event(landed: Landed, focus_rows: list[dict[str, str]]) -> None:
    warehouse, _ = landed
    in_force = warehouse.read(
        """
        select events.id, prices.unit_price
        from raw.usage_events as events
        inner join raw.subscriptions as subscriptions
            on subscriptions.customer_id = events.subject and subscriptions.starts_on <= substring(events.time, 1, 10)
        inner join raw.charges as charges
            on charges.plan_id = subscriptions.plan_id and charges.meter = json_extract_string(events.data, '$.meter')
        inner join raw.prices as prices on prices.charge_id = charges.charge_id and prices.effective_from <= substring(events.time, 1, 10)
        """
    ).to_pylist()
    assert len(in_force) == 997
    listed = {row["Id"]: row["ListUnitPrice"] for row in focus_rows if row["ChargeCategory"] == "Usage"}
    assert {row["id"]: row["unit_price"] for row in in_force} == listed


def test_the_reference_data_that_the_file_lacks_names_the_entity_and_tax_code_of_its_customers_and_charges(landed: Landed) -> None:
    warehouse, _ = landed
    known = "entity_id in (select entity_id from raw.legal_entities) and country in (select country from raw.tax_rates)"
    assert count(warehouse, "raw.customers", known) == 73
    assert count(warehouse, "raw.charges", "tax_code in (select tax_code from raw.tax_rates)") == 267
    assert count(warehouse, "raw.account_mappings", "account_code in (select account_code from raw.accounts)") == 6
