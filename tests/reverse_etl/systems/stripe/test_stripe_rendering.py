"""Requests are pure functions of the document; forms and units are exact."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import stripe_documents as build
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.errors import OutboxContractError
from reverse_etl.sandbox.stripe.parameters import decode_form
from reverse_etl.systems.contract import Dependency, RenderContext
from reverse_etl.systems.stripe.forms import encode_form
from reverse_etl.systems.stripe.rendering import call_names, render
from reverse_etl.systems.stripe.units import day_timestamp, from_stripe, service_period, timestamp_day, to_stripe

NAMES = st.text("abcä &=%_0", min_size=1).filter(lambda name: not name.isdecimal())
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
LINES = st.lists(
    st.dictionaries(NAMES, TEXTS | st.dictionaries(NAMES, TEXTS, min_size=1, max_size=2), min_size=1, max_size=3), min_size=1, max_size=12
)
FORMS = st.dictionaries(NAMES, TEXTS | LINES | st.dictionaries(NAMES, TEXTS, min_size=1), max_size=4)


@given(FORMS)
def test_an_encoded_form_is_read_back_unchanged(form: dict[str, Any]) -> None:
    assert decode_form(encode_form(form).decode()) == form


def test_a_form_leaves_out_none_and_spells_booleans() -> None:
    assert encode_form({"a": None, "b": True, "c": [False, 3], "d": {"e": ""}}) == b"b=true&c%5B0%5D=false&c%5B1%5D=3&d%5Be%5D="


@given(st.integers(-(10**12), 10**12), st.sampled_from(["USD", "JPY", "EUR", "ISK", "UGX"]))
def test_amounts_come_back_as_they_went(amount: int, currency: str) -> None:
    assert from_stripe(to_stripe(amount, currency), currency) == amount


def test_units_follow_stripes_own_table() -> None:
    assert (to_stripe(1_234, "JPY"), to_stripe(1_234, "USD"), to_stripe(5, "ISK")) == (1_234, 1_234, 500)
    assert to_stripe(1_230, "KWD") == 1_230
    for amount, currency in ((150, "MGA"), (1_234, "KWD")):
        with pytest.raises(OutboxContractError, match=currency):
            to_stripe(amount, currency)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_day_is_the_same_day_in_every_business_time_zone(day: date) -> None:
    assert {timestamp_day(day_timestamp(day) + hours * 3600) for hours in (-11, 0, 11)} == {day}


def test_a_service_period_ends_a_second_before_ours() -> None:
    period = service_period(date(2026, 1, 1), date(2026, 2, 1))
    assert (period["end"] - period["start"] + 1) == 31 * 86400


def test_an_invoice_is_created_filled_and_finalized() -> None:
    owner = build.customer("C1")
    document = build.invoice(owner, "INV-1", [build.line("a", 10_000, 1_900, "0.19")])
    context = RenderContext(document, {"create": {"id": "in_1"}}, {owner.business_key: Dependency("cus_1", {})})
    assert call_names(document) == ("create", "add_lines", "finalize")
    create, add, final = (json.loads(render(context, name)) for name in call_names(document))
    assert create["path"] == "/v1/invoices"
    assert create["form"] == {
        "customer": "cus_1",
        "auto_advance": False,
        "collection_method": "send_invoice",
        "currency": "usd",
        "days_until_due": 30,
        "discounts": "",
        "effective_at": 1769860800,
        "metadata": {
            "tieout_reference": document.reference,
            "tieout_business_key": document.business_key,
            "tieout_entity": "northlight_us",
            "tieout_due_date": "2026-03-02",
        },
        "number": "INV-1",
        "pending_invoice_items_behavior": "exclude",
    }
    tax = {"amount": 1_900, "taxable_amount": 10_000, "tax_rate_data": {"display_name": "standard", "inclusive": False, "percentage": "19"}}
    assert add["path"] == "/v1/invoices/in_1/add_lines"
    assert add["form"]["lines"] == [
        {
            "amount": 10_000,
            "description": "API calls (quantity 12.5)",
            "metadata": {"tieout_line_key": "a", "tieout_quantity": "12.5"},
            "period": {"start": 1767225600, "end": 1769903999},
            "tax_amounts": [tax],
        }
    ]
    assert (final["path"], final["form"]) == ("/v1/invoices/in_1/finalize", {"auto_advance": False})
    assert render(context, "add_lines") == render(context, "add_lines")


def test_a_line_says_whose_it_is_and_why_it_has_no_tax() -> None:
    owner = build.customer("PARENT")
    lines = [
        build.line("a", 100, 0, "0", customer_id="CHILD", tax_treatment="reverse_charge", customer_tax_id="FR83404833048"),
        build.line(
            "b", 100, 0, "0", customer_id="PARENT", tax_treatment="exempt", exemption_reason="charity", exemption_certificate="A-1", kind="fee"
        ),
        build.line("c", 100, 19, "0.19", customer_id="PARENT", tax_treatment="taxed", kind="fee"),
    ]
    context = RenderContext(build.invoice(owner, "INV-1", lines), {"create": {"id": "in_1"}}, {owner.business_key: Dependency("cus_1", {})})
    sent = json.loads(render(context, "add_lines"))["form"]["lines"]
    assert [(line["description"], line["tax_amounts"][0].get("taxability_reason")) for line in sent] == [
        ("CHILD: API calls (quantity 12.5), reverse charge, VAT id FR83404833048", "reverse_charge"),
        ("API calls, exempt from tax: charity, certificate A-1", "customer_exempt"),
        ("API calls", None),
    ]
    assert [line["metadata"]["tieout_customer_id"] for line in sent] == ["CHILD", "PARENT", "PARENT"]


def test_many_lines_take_several_calls_that_carry_each_line_once() -> None:
    owner = build.customer("C1")
    document = build.invoice(owner, "INV-1", [build.line(f"l{index}", index) for index in range(250)])
    assert call_names(document) == ("create", "add_lines", "add_lines_2", "add_lines_3", "finalize")
    context = RenderContext(document, {"create": {"id": "in_1"}}, {owner.business_key: Dependency("cus_1", {})})
    requests = [json.loads(render(context, name)) for name in call_names(document)[1:-1]]
    assert [item["metadata"]["tieout_line_key"] for request in requests for item in request["form"]["lines"]] == [f"l{n}" for n in range(250)]


def test_what_is_not_posted_cannot_be_referred_to() -> None:
    owner = build.customer("C1")
    with pytest.raises(OutboxContractError, match=owner.business_key):
        render(RenderContext(build.invoice(owner, "INV-1", []), {}, {}), "create")


def test_a_credit_names_the_corrected_line_or_one_of_equal_tax() -> None:
    issued = build.invoice(build.customer("C1"), "INV-1", [])
    known = {"add_lines": {"lines": {"a": {"id": "il_a", "tax_rate": "txr_19", "percentage": "19"}, "b": {"id": "il_b"}}}}

    def rendered(line: dict[str, Any]) -> dict[str, Any]:
        memo = build.credit_memo(issued, "CRM-1", [line])
        content = json.loads(render(RenderContext(memo, {}, {issued.business_key: Dependency("in_1", known)}), "create"))
        found = content["form"]["lines"][0]
        assert isinstance(found, dict)
        return found

    tax = [{"amount": 19, "taxable_amount": 100, "tax_rate": "txr_19"}]
    metadata = {"tieout_line_key": "x"}
    named = rendered(build.line("x", 100, 19, "0.19", corrects_line_key="a"))
    assert named == {"type": "invoice_line_item", "invoice_line_item": "il_a", "amount": 100, "tax_amounts": tax, "metadata": metadata}
    untaxed = rendered(build.line("x", 100, corrects_line_key="b"))
    assert untaxed == {"type": "invoice_line_item", "invoice_line_item": "il_b", "amount": 100, "metadata": metadata}
    custom = rendered(build.line("x", 100, 19, "0.19", corrects_line_key="elsewhere", kind="fee"))
    shared = {"type": "custom_line_item", "description": "API calls", "quantity": 1, "unit_amount": 100}
    assert custom == shared | {"tax_amounts": tax, "metadata": metadata}
    with pytest.raises(OutboxContractError, match="credits tax of 7"):
        rendered(build.line("x", 100, 7, "0.07", corrects_line_key="elsewhere"))
