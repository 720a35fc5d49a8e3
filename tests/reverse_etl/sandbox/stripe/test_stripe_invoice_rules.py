"""Invoices and credit notes follow Stripe's rules; broken connections look like broken connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from conftest import StandIn


def error_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert isinstance(error, dict)
    return error


def taxed(amount: int, tax: int, rate: str = "19", inclusive: str = "false") -> dict[str, Any]:
    prefix = "lines[0][tax_amounts][0]"
    rate_data = {
        f"{prefix}[tax_rate_data][{name}]": value for name, value in (("display_name", "VAT"), ("percentage", rate), ("inclusive", inclusive))
    }
    return {"lines[0][amount]": amount, f"{prefix}[amount]": tax, f"{prefix}[taxable_amount]": amount} | rate_data


def test_a_draft_becomes_open_with_exactly_the_amounts_given(stand_in: StandIn, customer: str) -> None:
    draft = stand_in.draft(customer, number="RULE-1", effective_at=1767268800, **{"metadata[tieout_reference]": "TO-1"})
    assert (draft["status"], draft["number"], draft["lines"]["data"]) == ("draft", "RULE-1", [])
    period = {"lines[0][period][start]": 1, "lines[0][period][end]": 2, "lines[0][metadata][tieout_line_key]": "a"}
    with_lines = stand_in.created(f"invoices/{draft['id']}/add_lines", taxed(10_001, 1_901) | period)
    line = with_lines["lines"]["data"][0]
    assert (line["amount"], line["taxes"][0]["amount"], line["metadata"]) == (10_001, 1_901, {"tieout_line_key": "a"})
    assert line["taxes"][0]["tax_rate_details"]["tax_rate"].startswith("txr_")
    assert (with_lines["subtotal"], with_lines["total"]) == (10_001, 11_902)
    final = stand_in.created(f"invoices/{draft['id']}/finalize")
    assert (final["status"], final["amount_due"], final["effective_at"]) == ("open", 11_902, 1767268800)


def test_inclusive_tax_is_part_of_the_amount(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.draft(customer)["id"]
    changed = stand_in.created(f"invoices/{invoice}/add_lines", taxed(11_900, 1_900, inclusive="true"))
    assert (changed["total"], changed["total_excluding_tax"]) == (11_900, 10_000)


def test_equal_tax_rate_data_reuses_one_tax_rate(stand_in: StandIn, customer: str) -> None:
    rates = []
    for rate in ("7", "7", "7.5"):
        invoice = stand_in.draft(customer)["id"]
        line = stand_in.created(f"invoices/{invoice}/add_lines", taxed(100, 7, rate))["lines"]["data"][0]
        rates.append(line["taxes"][0]["tax_rate_details"]["tax_rate"])
    assert rates[0] == rates[1] != rates[2]


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"lines[0][amount]": "1.5"}, "lines[0][amount]"),
        ({"lines[0][amount]": "12e3"}, "lines[0][amount]"),
        ({"lines[0][amuont]": "1"}, "lines[0][amount]"),
        ({"lines[0][amount]": "1", "lines[0][price_data]": "x"}, "lines[0][price_data]"),
        ({"lines[0][amount]": "1", "lines[0][period][start]": "5", "lines[0][period][end]": "4"}, "lines[0][period]"),
        ({"lines": "x"}, "lines"),
        (taxed(100, 19, "19.12345"), "lines[0][tax_amounts][0][tax_rate_data][percentage]"),
    ],
)
def test_malformed_lines_are_refused_by_name(stand_in: StandIn, customer: str, form: dict[str, Any], param: str) -> None:
    assert error_of(stand_in.post(f"invoices/{stand_in.draft(customer)['id']}/add_lines", form))["param"] == param


def test_a_number_is_used_once(stand_in: StandIn, customer: str) -> None:
    stand_in.draft(customer, number="ONCE-1")
    assert error_of(stand_in.post("invoices", {"customer": customer, "number": "ONCE-1"}))["param"] == "number"


def test_a_due_date_in_the_past_is_refused(stand_in: StandIn, customer: str) -> None:
    form = {"customer": customer, "collection_method": "send_invoice", "due_date": int(time.time()) - 60}
    assert error_of(stand_in.post("invoices", form))["param"] == "due_date"


def test_a_finalized_invoice_cannot_change_but_its_metadata_can(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.invoice(customer, 500)
    path = f"invoices/{invoice['id']}"
    assert error_of(stand_in.post(path, {"number": "NEW"}))["code"] == "invoice_not_editable"
    assert error_of(stand_in.post(f"{path}/add_lines", {"lines[0][amount]": 1}))["code"] == "invoice_not_editable"
    assert error_of(stand_in.post(f"{path}/finalize"))["code"] == "invoice_already_finalized"
    assert stand_in.http.delete(f"/v1/{path}").status_code == 400
    assert stand_in.created(path, {"metadata[note]": "x"})["metadata"] == {"note": "x"}
    assert stand_in.get(path)["total"] == 500


def test_at_most_250_lines_and_ten_of_them_embedded(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.draft(customer)["id"]
    for start in (0, 100):
        stand_in.created(f"invoices/{invoice}/add_lines", {f"lines[{index}][amount]": start + index for index in range(100)})
    too_many = stand_in.post(f"invoices/{invoice}/add_lines", {f"lines[{index}][amount]": 1 for index in range(51)})
    assert "250" in error_of(too_many)["message"]
    shown = stand_in.created(f"invoices/{invoice}/add_lines", {f"lines[{index}][amount]": 200 + index for index in range(50)})
    assert (len(shown["lines"]["data"]), shown["lines"]["has_more"], shown["total"]) == (10, True, sum(range(250)))
    seen: list[int] = []
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = stand_in.get(f"invoices/{invoice}/lines", **query)
        seen += [line["amount"] for line in page["data"]]
        if not page["has_more"]:
            break
        query["starting_after"] = page["data"][-1]["id"]
    assert seen == list(range(250))


def test_nothing_due_is_paid_at_once_and_nothing_at_all_is_refused(stand_in: StandIn, customer: str) -> None:
    assert stand_in.invoice(customer, 100, -100)["status"] == "paid"
    assert error_of(stand_in.post(f"invoices/{stand_in.draft(customer)['id']}/finalize"))["code"] == "invoice_no_customer_line_items"


def test_void_and_pay_out_of_band_end_an_open_invoice(stand_in: StandIn, customer: str) -> None:
    voided = stand_in.created(f"invoices/{stand_in.invoice(customer, 100)['id']}/void")
    assert voided["status"] == "void"
    paid = stand_in.created(f"invoices/{stand_in.invoice(customer, 100)['id']}/pay", {"paid_out_of_band": "true"})
    assert (paid["status"], paid["amount_paid"], paid["amount_remaining"]) == ("paid", 100, 0)
    assert stand_in.post(f"invoices/{paid['id']}/void").status_code == 400


def note(invoice: dict[str, Any], amount: int, **more: Any) -> dict[str, Any]:
    line = {"type": "invoice_line_item", "invoice_line_item": invoice["lines"]["data"][0]["id"], "amount": amount}
    return {"invoice": invoice["id"]} | {f"lines[0][{name}]": value for name, value in line.items()} | more


def test_a_credit_note_reduces_what_is_due_and_never_more_than_the_invoice(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.invoice(customer, 1_000)
    issued = stand_in.created("credit_notes", note(invoice, 400, memo="forgotten discount"))
    assert (issued["status"], issued["total"], issued["type"], issued["memo"]) == ("issued", 400, "pre_payment", "forgotten discount")
    assert "is greater than the 600 left" in error_of(stand_in.post("credit_notes", note(invoice, 601)))["message"]
    stand_in.created("credit_notes", note(invoice, 600))
    after = stand_in.get(f"invoices/{invoice['id']}")
    assert (after["status"], after["amount_remaining"], after["pre_payment_credit_notes_amount"], after["total"]) == ("paid", 0, 1_000, 1_000)
    assert len(stand_in.get("credit_notes", invoice=invoice["id"])["data"]) == 2


def test_on_a_paid_invoice_a_credit_note_must_say_where_the_money_goes(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.invoice(customer, 1_000)
    stand_in.created(f"invoices/{invoice['id']}/pay", {"paid_out_of_band": "true"})
    assert "must equal" in error_of(stand_in.post("credit_notes", note(invoice, 400)))["message"]
    issued = stand_in.created("credit_notes", note(invoice, 400, out_of_band_amount=400))
    assert (issued["type"], issued["post_payment_amount"]) == ("post_payment", 400)
    assert "greater than the 0 of charges" in error_of(stand_in.post("credit_notes", note(invoice, 100, refund_amount=100)))["message"]


def test_a_refund_goes_back_to_a_charge_and_never_more_than_it(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.invoice(customer, 1_000)
    assert "must equal the post-payment amount (0)" in error_of(stand_in.post("credit_notes", note(invoice, 100, refund_amount=100)))["message"]
    stand_in.created(f"invoices/{invoice['id']}/pay", {"payment_method": "pm_card"})
    assert "must equal" in error_of(stand_in.post("credit_notes", note(invoice, 400, refund_amount=300)))["message"]
    issued = stand_in.created("credit_notes", note(invoice, 400, refund_amount=300, out_of_band_amount=100))
    assert [refund["amount_refunded"] for refund in issued["refunds"]] == [300]
    assert stand_in.created("credit_notes", note(invoice, 600, refund_amount=600))["post_payment_amount"] == 600
    assert error_of(stand_in.post("credit_notes", note(invoice, 1, refund_amount=-1)))["param"] == "refund_amount"


def test_credit_notes_need_a_finalized_invoice_and_its_own_lines(stand_in: StandIn, customer: str) -> None:
    draft = stand_in.draft(customer)
    with_line = stand_in.created(f"invoices/{draft['id']}/add_lines", {"lines[0][amount]": 10})
    assert error_of(stand_in.post("credit_notes", note(with_line, 10)))["param"] == "invoice"
    other = stand_in.invoice(customer, 10)
    assert error_of(stand_in.post("credit_notes", note(other, 10) | {"lines[0][invoice_line_item]": "il_unknown"}))["code"] == "resource_missing"
    unknown_rate = {f"lines[0][tax_amounts][0][{name}]": value for name, value in (("amount", 1), ("taxable_amount", 9), ("tax_rate", "txr_mine"))}
    assert error_of(stand_in.post("credit_notes", note(other, 9) | unknown_rate))["code"] == "resource_missing"


def test_lists_page_newest_first_and_filter(stand_in: StandIn) -> None:
    owner = stand_in.created("customers", {"name": "Many"})["id"]
    made = [stand_in.draft(owner)["id"] for _ in range(105)]
    first = stand_in.get("invoices", customer=owner, limit=100)
    assert (len(first["data"]), first["has_more"]) == (100, True)
    second = stand_in.get("invoices", customer=owner, limit=100, starting_after=first["data"][-1]["id"])
    assert [invoice["id"] for invoice in first["data"] + second["data"]] == made[::-1]
    assert not second["has_more"]
    created = first["data"][0]["created"]
    assert stand_in.get("invoices", customer=owner, **{"created[gt]": created})["data"] == []
    assert len(stand_in.get("invoices", customer=owner, **{"created[gte]": created - 3600})["data"]) == 10
    assert stand_in.http.get("/v1/invoices", params={"starting_after": "in_unknown"}).status_code == 400
    assert stand_in.http.get("/v1/invoices", params={"limit": 101}).status_code == 400


def test_unknown_objects_and_urls_are_404(stand_in: StandIn) -> None:
    assert stand_in.http.get("/v1/invoices/in_unknown").json()["error"]["code"] == "resource_missing"
    assert stand_in.http.get("/v1/nothing").status_code == 404


@pytest.mark.parametrize(("kind", "executed"), [("drop", 0), ("accept_then_drop", 1), ("accept_then_truncate", 1)])
def test_a_broken_connection_is_one_and_the_key_tells_the_truth(stand_in: StandIn, kind: str, executed: int) -> None:
    email = f"{kind}@example.test"
    stand_in.order(kind=kind, path="/v1/customers$")
    with pytest.raises(httpx.RemoteProtocolError):
        stand_in.post("customers", {"email": email}, key=kind)
    assert len(stand_in.get("customers", email=email)["data"]) == executed
    assert stand_in.post("customers", {"email": email}, key=kind).status_code == 200
    assert len(stand_in.get("customers", email=email)["data"]) == 1


def test_a_fault_strikes_the_nth_matching_request_only(stand_in: StandIn) -> None:
    stand_in.order(kind="unavailable", path="/v1/customers$", on=2, times=2)
    assert [stand_in.post("customers", {"name": "N"}).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert stand_in.http.post("/_faults", json={"kind": "unheard of"}).status_code == 400


def test_the_balance_of_a_customer_settles_whatever_is_finalized_next_in_its_currency(stand_in: StandIn, customer: str) -> None:
    path = f"customers/{customer}/balance_transactions"
    first = stand_in.created(path, {"amount": -500, "currency": "eur", "metadata[why]": "prepaid"})
    assert (first["type"], first["ending_balance"], first["metadata"], first["invoice"]) == ("adjustment", -500, {"why": "prepaid"}, None)
    dollars = stand_in.invoice(customer, 100, currency="usd")
    assert (dollars["amount_due"], dollars["starting_balance"], dollars["ending_balance"]) == (100, 0, 0)
    small, large = stand_in.invoice(customer, 200), stand_in.invoice(customer, 1_000)
    assert (small["status"], small["amount_due"], small["starting_balance"], small["ending_balance"]) == ("paid", 0, -500, -300)
    assert (large["status"], large["total"], large["amount_due"], large["ending_balance"]) == ("open", 1_000, 700, 0)
    moves = stand_in.get(path)["data"]
    assert [(move["type"], move["amount"], move["invoice"]) for move in moves] == [
        ("applied_to_invoice", 300, large["id"]),
        ("applied_to_invoice", 200, small["id"]),
        ("adjustment", -500, None),
    ]
    assert stand_in.get(path, invoice=small["id"])["data"] == [moves[1]]


def test_an_invoice_below_zero_and_a_credit_note_fill_the_balance(stand_in: StandIn, customer: str) -> None:
    below = stand_in.invoice(customer, -200)
    assert (below["status"], below["amount_due"], below["ending_balance"]) == ("paid", 0, -200)
    paid = stand_in.invoice(customer, 200)
    line = {"lines[0][type]": "custom_line_item", "lines[0][description]": "Less", "lines[0][unit_amount]": 150}
    note = stand_in.created("credit_notes", {"invoice": paid["id"], "credit_amount": 150} | line)
    assert (note["number"], stand_in.get(f"customers/{customer}")["balance"]) == (f"{paid['number']}-CN-01", -150)


def test_a_balance_moves_by_a_whole_amount_in_a_currency(stand_in: StandIn, customer: str) -> None:
    path = f"customers/{customer}/balance_transactions"
    assert error_of(stand_in.post(path, {"amount": "1.5", "currency": "eur"}))["param"] == "amount"
    assert error_of(stand_in.post(path, {"amount": 1}))["param"] == "currency"
    assert stand_in.get(path)["data"] == []


def test_an_amount_in_a_currency_of_three_decimals_ends_in_a_nought(stand_in: StandIn, customer: str) -> None:
    draft = stand_in.draft(customer, currency="kwd")["id"]
    assert error_of(stand_in.post(f"invoices/{draft}/add_lines", {"lines[0][amount]": 1_234}))["param"] == "lines[0][amount]"
    assert stand_in.created(f"invoices/{draft}/add_lines", {"lines[0][amount]": 1_230})["total"] == 1_230


def test_a_credited_unit_amount_may_be_a_fraction_of_a_minor_unit(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.invoice(customer, 1_000)["id"]
    line = {"lines[0][type]": "custom_line_item", "lines[0][description]": "Calls", "lines[0][quantity]": 3}
    note = stand_in.created("credit_notes", {"invoice": invoice, "lines[0][unit_amount_decimal]": "0.5"} | line)
    [shown] = note["lines"]["data"]
    assert (note["total"], shown["unit_amount"], shown["unit_amount_decimal"], shown["quantity"]) == (2, None, "0.5", 3)
