"""Prepaid credits settle exactly the invoice that draws them, once, whatever happens on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe_documents as build

from reverse_etl.documents import SealedDocument
from reverse_etl.systems.contract import Ambiguous

if TYPE_CHECKING:
    from conftest import Destination

LINES = [build.line("a", 1_429, 343, "0.24")]


def customer_of(destination: Destination, name: str) -> tuple[build.Driver, SealedDocument, str]:
    driver, owner = destination.driver, build.customer(name)
    return driver, owner, driver.post(owner)


def transactions(destination: Destination, customer_id: str) -> list[tuple[str, int, int]]:
    """Oldest first: type, amount, ending balance."""
    found = destination.get(f"customers/{customer_id}/balance_transactions", limit=100)["data"]
    return [(item["type"], item["amount"], item["ending_balance"]) for item in reversed(found)]


def verified(destination: Destination, document: SealedDocument) -> None:
    remote = destination.system.look_up([document], {})[document.reference]
    assert destination.system.differences(document, document.number, remote) == ()
    assert tuple(remote.completed) == destination.system.call_names(document)


def test_what_is_due_falls_by_what_was_drawn_and_nothing_stays_on_the_balance(destination: Destination) -> None:
    driver, owner, customer_id = customer_of(destination, "CR-1")
    document = build.invoice(owner, "INV-CR-1", LINES, applied=1_000)
    invoice_id = driver.post(document)
    held = destination.get(f"invoices/{invoice_id}")
    assert (held["total"], held["amount_due"], held["amount_remaining"], held["status"]) == (1_772, 772, 772, "open")
    assert (held["starting_balance"], held["ending_balance"]) == (-1_000, 0)
    assert transactions(destination, customer_id) == [("adjustment", -1_000, -1_000), ("applied_to_invoice", 1_000, 0)]
    assert driver.posted[document.business_key].remote_id == invoice_id
    verified(destination, document)
    [record] = [record for relation, record in destination.system.read_back(build.US, "2026-01") if record.get("number") == "INV-CR-1"]
    assert (record["total_minor"], record["amount_due_minor"]) == (1_772, 772)


def test_an_invoice_that_credits_settle_whole_is_paid(destination: Destination) -> None:
    driver, owner, _ = customer_of(destination, "CR-2")
    document = build.invoice(owner, "INV-CR-2", LINES, applied=1_772)
    held = destination.get(f"invoices/{driver.post(document)}")
    assert (held["status"], held["amount_due"]) == ("paid", 0)
    verified(destination, document)


@pytest.mark.parametrize("kind", ["accept_then_drop", "accept_then_500", "accept_then_truncate", "drop"])
def test_a_lost_answer_moves_the_balance_once(destination: Destination, kind: str) -> None:
    driver, owner, customer_id = customer_of(destination, f"CR-{kind}")
    document = build.invoice(owner, f"INV-CR-{kind}", LINES, applied=1_000)
    driver.post(document, upto="add_lines")
    replies = dict(driver.posted[document.business_key].replies)
    destination.order(kind=kind, path="/balance_transactions$")
    assert isinstance(driver.send(driver.call(document, "apply_credit", replies)), Ambiguous)

    remote = destination.system.look_up([document], {})[document.reference]
    assert ("apply_credit" in remote.completed) is (kind != "drop")
    driver.post(document, replies=remote.completed)
    verified(destination, document)
    assert transactions(destination, customer_id) == [("adjustment", -1_000, -1_000), ("applied_to_invoice", 1_000, 0)]


def test_within_retention_the_same_key_moves_the_balance_once(destination: Destination) -> None:
    driver, owner, customer_id = customer_of(destination, "CR-key")
    document = build.invoice(owner, "INV-CR-key", LINES, applied=1_000)
    driver.post(document, upto="add_lines")
    call = driver.call(document, "apply_credit", dict(driver.posted[document.business_key].replies))
    assert driver.send(call) == driver.send(call)
    assert transactions(destination, customer_id) == [("adjustment", -1_000, -1_000)]


def test_a_balance_that_somebody_else_moved_shows_as_a_difference(destination: Destination) -> None:
    driver, owner, customer_id = customer_of(destination, "CR-other")
    destination.do(f"customers/{customer_id}/balance_transactions", amount=-72, currency="usd")
    document = build.invoice(owner, "INV-CR-other", LINES, applied=1_000)
    driver.post(document)
    remote = destination.system.look_up([document], {})[document.reference]
    assert destination.system.differences(document, document.number, remote) == ("amount due: sealed 772, at Stripe 700",)


def test_a_balance_moved_twice_for_one_invoice_stops_for_a_person(destination: Destination) -> None:
    driver, owner, customer_id = customer_of(destination, "CR-twice")
    document = build.invoice(owner, "INV-CR-twice", LINES, applied=1_000)
    driver.post(document)
    twice = {"amount": -1_000, "currency": "usd", "metadata[tieout_reference]": document.reference}
    destination.do(f"customers/{customer_id}/balance_transactions", **twice)
    remote = destination.system.look_up([document], {})[document.reference]
    assert remote.status == "duplicate"


def test_a_credit_memo_gives_credits_back_without_leaving_a_balance(destination: Destination) -> None:
    driver, owner, customer_id = customer_of(destination, "CR-memo")
    document = build.invoice(owner, "INV-CR-memo", LINES, applied=1_000)
    invoice_id = driver.post(document)
    # 772 are due, so of 1 000 that are credited 228 go back to the credits.
    memo = build.credit_memo(document, "CM-CR-memo", [build.line("c", 806, 194, "0.24", corrects_line_key="a")], restored=228)
    note = destination.get(f"credit_notes/{driver.post(memo)}")
    assert (note["pre_payment_amount"], note["post_payment_amount"], note["out_of_band_amount"]) == (772, 228, 228)
    assert destination.get(f"invoices/{invoice_id}")["status"] == "paid"
    assert destination.get(f"customers/{customer_id}")["balance"] == 0
    verified(destination, memo)
    # What was due when it was issued does not change with what is credited later.
    verified(destination, document)


def test_a_void_invoice_gives_back_what_it_took(destination: Destination) -> None:
    driver, owner, customer_id = customer_of(destination, "CR-void")
    invoice_id = driver.post(build.invoice(owner, "INV-CR-void", LINES, applied=1_000))
    destination.do(f"invoices/{invoice_id}/void")
    assert transactions(destination, customer_id)[-1] == ("unapplied_from_invoice", -1_000, -1_000)
