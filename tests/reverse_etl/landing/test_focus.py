"""A month of real cloud usage (FOCUS 1.0) lands through the example mappings, every row accounted for."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest
from landing_home import Home

from reverse_etl.landing.mapping import BUILT_IN

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT.parent / "shared" / "data" / "focus_sample.csv"
EXAMPLES = BUILT_IN / "examples" / "focus"

pytestmark = pytest.mark.skipif(not SAMPLE.is_file(), reason="the FOCUS sample is not beside the repository")


@pytest.fixture
def landed(home: Home) -> Home:
    for mapping in EXAMPLES.glob("*.yaml"):
        home.map(mapping.stem, mapping.read_text())
        delivery = home.settings.inbox / mapping.stem / "2024-10-01" / SAMPLE.name
        delivery.parent.mkdir(parents=True)
        shutil.copyfile(SAMPLE, delivery)
    assert home.land().problems == ()
    return home


def sample_rows(category: str = "Usage") -> list[dict[str, str]]:
    with SAMPLE.open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["ChargeCategory"] == category]


def test_every_row_lands_is_left_out_or_repeats_another(landed: Home) -> None:
    counts = landed.rows("select source, row_count, excluded_count, repeated_count from raw.landed_files order by source")

    assert [tuple(row.values()) for row in counts] == [
        ("focus_charges", 267, 3, 730),
        ("focus_customers", 73, 3, 924),
        ("focus_meters", 267, 3, 730),
        ("focus_plans", 1, 3, 996),
        ("focus_prices", 267, 3, 730),
        ("focus_subscriptions", 73, 3, 924),
        ("focus_usage", 997, 3, 0),
    ]


def test_usage_rows_become_events_with_their_exact_quantities(landed: Home) -> None:
    events = landed.rows(
        "select id, subject, time, type, json_extract_string(data, '$.meter') as meter, json_extract_string(data, '$.quantity') as quantity"
        " from raw.usage_events"
    )

    def meter(row: dict[str, str]) -> str:
        return "/".join(row[name].replace("NULL", "") for name in ("SkuId", "SkuPriceId"))

    expected = {
        row["Id"]: (row["SubAccountId"], row["ChargePeriodStart"].replace(" ", "T") + "Z", meter(row), row["PricingQuantity"])
        for row in sample_rows()
    }
    assert {row["id"]: (row["subject"], row["time"], row["meter"], row["quantity"]) for row in events} == expected
    assert Counter(row["type"] for row in events) == {
        "org.finops.focus.usage.recorded.v1": 985,
        "org.finops.focus.usage.corrected.v1": 12,
    }
    assert all(("corrected" in row["type"]) == row["quantity"].startswith("-") for row in events)


def test_each_event_has_one_meter_one_charge_and_one_list_price(landed: Home) -> None:
    priced = landed.rows(
        """
        select events.id, prices.unit_price
        from raw.usage_events as events
        inner join raw.subscriptions as subscriptions on subscriptions.customer_id = events.subject
        inner join raw.charges as charges
            on charges.plan_id = subscriptions.plan_id and charges.meter = json_extract_string(events.data, '$.meter')
        inner join raw.meters as meters on meters.meter = charges.meter
        inner join raw.prices as prices on prices.charge_id = charges.charge_id and prices.currency = 'USD' and prices.effective_from = '2024-09-01'
        """
    )

    assert len(priced) == 997
    assert {row["id"]: row["unit_price"] for row in priced} == {row["Id"]: row["ListUnitPrice"] for row in sample_rows()}


def test_credits_and_adjustments_are_left_for_a_person_to_decide(landed: Home) -> None:
    excluded = landed.rows("select source, reason, remedy from raw.excluded_rows order by line_number")

    assert {row["source"] for row in excluded} == {"focus_usage"}
    assert ["credit of -2.61370000000 USD" in row["reason"] for row in excluded] == [True, False, False]
    assert [row["reason"].startswith("a billing adjustment of ") for row in excluded] == [False, True, True]
    assert all("approved credit" in row["remedy"] for row in excluded)
