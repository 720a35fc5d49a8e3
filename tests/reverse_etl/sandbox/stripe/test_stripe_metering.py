"""What the stand-in does when it rates by itself: events counted once, whole and in time; periods invoiced by its own prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from reverse_etl.sandbox.stripe.billing.rating import rate

if TYPE_CHECKING:
    from conftest import StandIn

DAY = 86400


def now(stand_in: StandIn) -> int:
    return int(stand_in.http.get("/_state").json()["now"])


def error_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 400, answer.text
    return dict(answer.json()["error"])


@pytest.fixture(scope="module")
def meter(stand_in: StandIn) -> str:
    return str(stand_in.created("billing/meters", {"display_name": "Calls", "event_name": "calls", "default_aggregation[formula]": "sum"})["id"])


def event(customer: str, value: str, identifier: str, **more: Any) -> dict[str, Any]:
    return {"event_name": "calls", "identifier": identifier, "payload[stripe_customer_id]": customer, "payload[value]": value} | more


def counted(stand_in: StandIn, meter: str, customer: str, start: int, end: int) -> list[int]:
    page = stand_in.get(f"billing/meters/{meter}/event_summaries", customer=customer, start_time=start, end_time=end)
    return [item["aggregated_value"] for item in page["data"]]


def test_an_identifier_counts_once_whatever_the_idempotency_key(stand_in: StandIn, meter: str, customer: str) -> None:
    assert stand_in.post("billing/meter_events", event(customer, "7", "once"), key="first").status_code == 200
    assert stand_in.post("billing/meter_events", event(customer, "7", "once"), key="first").headers["Idempotent-Replayed"] == "true"
    assert error_of(stand_in.post("billing/meter_events", event(customer, "7", "once"), key="second"))["message"] == (
        "An event already exists with identifier once."
    )
    today = now(stand_in) // DAY * DAY
    assert counted(stand_in, meter, customer, today - DAY, today + DAY) == [7]


def test_an_identifier_is_unique_for_a_day_only(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in()
    customer = str(stand_in.created("customers", {"name": "Ada"})["id"])
    assert stand_in.post("billing/meter_events", event(customer, "7", "rolling")).status_code == 200
    stand_in.set_clock(DAY - 60)
    assert stand_in.post("billing/meter_events", event(customer, "7", "rolling")).status_code == 400
    stand_in.set_clock(DAY + 60)
    assert stand_in.post("billing/meter_events", event(customer, "7", "rolling")).status_code == 200


@pytest.mark.parametrize("value", ["1.5", "", "12e3", "1234567890123456", "seven"])
def test_a_value_is_a_whole_number_of_at_most_15_digits(stand_in: StandIn, meter: str, customer: str, value: str) -> None:
    assert meter
    assert error_of(stand_in.post("billing/meter_events", event(customer, value, f"value-{value}")))["param"] == "payload[value]"


@pytest.mark.parametrize(("offset", "code"), [(-35 * DAY - 60, "timestamp_too_far_in_past"), (360, "timestamp_in_future")])
def test_a_timestamp_lies_within_35_days_back_and_five_minutes_ahead(stand_in: StandIn, customer: str, offset: int, code: str) -> None:
    late = event(customer, "1", f"at-{offset}", timestamp=now(stand_in) + offset)
    assert error_of(stand_in.post("billing/meter_events", late))["code"] == code
    inside = event(customer, "1", f"inside-{offset}", timestamp=now(stand_in) + (offset + 120 if offset < 0 else offset - 120))
    assert stand_in.post("billing/meter_events", inside).status_code == 200


def test_meter_and_customer_are_checked_afterwards_and_only_reported(stand_in: StandIn, meter: str, customer: str) -> None:
    assert stand_in.post("billing/meter_events", event("cus_unknown", "1", "nobody")).status_code == 200
    assert stand_in.post("billing/meter_events", event(customer, "1", "nothing", event_name="unknown")).status_code == 200
    errors = {entry["identifier"]: entry["code"] for entry in stand_in.http.get("/_state").json()["meter_event_errors"]}
    assert (errors["nobody"], errors["nothing"]) == ("meter_event_customer_not_found", "no_meter")
    assert counted(stand_in, meter, "cus_unknown", 0, now(stand_in) // 60 * 60 + 60) == []


def test_a_summary_wants_whole_minutes(stand_in: StandIn, meter: str, customer: str) -> None:
    answer = stand_in.http.get(f"/v1/billing/meters/{meter}/event_summaries", params={"customer": customer, "start_time": 1, "end_time": 60})
    assert error_of(answer)["param"] == "start_time"


def test_a_meter_has_its_event_name_alone(stand_in: StandIn, meter: str) -> None:
    assert meter
    again = {"display_name": "Calls", "event_name": "calls", "default_aggregation[formula]": "sum"}
    assert error_of(stand_in.post("billing/meters", again))["param"] == "event_name"


TIERS = [
    {"up_to": 3, "unit_amount_decimal": "33.5", "flat_amount_decimal": None},
    {"up_to": None, "unit_amount_decimal": "12.5", "flat_amount_decimal": "10"},
]


@pytest.mark.parametrize(
    ("price", "quantity", "amounts"),
    [
        ({"billing_scheme": "per_unit", "unit_amount_decimal": "15.5"}, 101, [1566]),
        ({"billing_scheme": "per_unit", "unit_amount_decimal": "15.5"}, -4, [0]),
        ({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}, 6, [101, 48]),
        ({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}, 3, [101]),
        ({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}, 0, [0]),
        ({"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": TIERS}, 3, [101]),
        ({"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": TIERS}, 4, [60]),
    ],
)
def test_it_rates_by_itself_and_rounds_every_tier(price: dict[str, Any], quantity: int, amounts: list[int]) -> None:
    assert [tier.amount for tier in rate(price, quantity)] == amounts


def test_a_period_that_has_ended_is_invoiced_once_as_a_draft_that_can_be_made_final(stand_in: StandIn, meter: str, customer: str) -> None:
    terms = {"currency": "eur", "recurring[interval]": "month", "recurring[usage_type]": "metered", "recurring[meter]": meter}
    price = stand_in.created("prices", terms | {"unit_amount_decimal": "2.5", "metadata[tieout_charge_id]": "c"})["id"]
    rate_id = stand_in.created("tax_rates", {"display_name": "VAT", "percentage": "19", "inclusive": "false"})["id"]
    start = now(stand_in) // DAY * DAY - 31 * DAY
    stand_in.created(
        "subscriptions",
        {
            "customer": customer,
            "items[0][price]": price,
            "backdate_start_date": start,
            "default_tax_rates[0]": rate_id,
            "metadata[tieout_subscription_id]": "s",
        },
    )
    stand_in.created("billing/meter_events", event(customer, "11", "billed", timestamp=start + DAY))
    made = stand_in.http.post("/_bill", json={"finalize": False}).json()["invoices"]
    assert stand_in.http.post("/_bill", json={"finalize": False}).json()["invoices"] == []
    [mine] = [invoice for invoice in (stand_in.get(f"invoices/{identifier}") for identifier in made) if invoice["customer"] == customer]
    [line] = mine["lines"]["data"]
    assert (mine["status"], mine["total"], line["amount"], line["quantity"]) == ("draft", 33, 28, 11)
    assert mine["parent"]["subscription_details"]["metadata"] == line["metadata"] == {"tieout_subscription_id": "s"}
    assert stand_in.created(f"invoices/{mine['id']}/finalize")["status"] == "open"


def test_a_payment_is_listed_with_the_invoice_that_it_pays(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.invoice(customer, 1_000)
    stand_in.created(f"invoices/{invoice['id']}/pay", {"payment_method": "pm_card"})
    [payment] = stand_in.get("invoice_payments", invoice=invoice["id"])["data"]
    assert (payment["amount_paid"], payment["status"], payment["payment"]["type"]) == (1_000, "paid", "payment_intent")
