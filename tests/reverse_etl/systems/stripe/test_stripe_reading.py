"""Look-up finds ours among many, and read-back is complete."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe_documents as build

from reverse_etl.errors import DestinationError
from reverse_etl.landing.relations import RELATIONS

if TYPE_CHECKING:
    from conftest import Destination


def test_many_documents_are_found_in_few_pages_hinted_or_not(destination: Destination) -> None:
    driver = destination.driver
    customers = [build.customer(f"N{index}") for index in range(120)]
    hints = {customer.reference: driver.post(customer) for customer in customers}
    absent = build.customer("never sent")
    for known in ({}, hints, dict(list(hints.items())[:3])):
        found = destination.system.look_up([*customers, absent], known)
        assert {reference: remote.remote_id for reference, remote in found.items()} == hints
    few = destination.system.look_up(customers[:2], hints)
    assert {remote.remote_id for remote in few.values()} == {hints[customer.reference] for customer in customers[:2]}


def test_two_objects_with_one_reference_are_a_duplicate_until_one_is_void(destination: Destination) -> None:
    driver, owner = destination.driver, build.customer("DUP")
    customer_id = driver.post(owner)
    document = build.invoice(owner, "INV-DUP", [build.line("a", 100)])
    first = driver.post(document)
    form = {"customer": customer_id, "collection_method": "send_invoice", "days_until_due": 1, "metadata[tieout_reference]": document.reference}
    second = destination.do("invoices", **form)["id"]
    for hints in ({}, {owner.reference: customer_id}):
        remote = destination.system.look_up([document], hints)[document.reference]
        assert (remote.status, remote.remote_id) == ("duplicate", first)
        assert "status: duplicate" in destination.system.differences(document, document.number, remote)[0]
    destination.do(f"invoices/{second}/add_lines", **{"lines[0][amount]": 100})
    destination.do(f"invoices/{second}/finalize")
    destination.do(f"invoices/{second}/void")
    assert destination.system.look_up([document], {})[document.reference].status == "open"


def test_a_draft_with_a_part_of_its_lines_is_incomplete(destination: Destination) -> None:
    driver, owner = destination.driver, build.customer("PART")
    customer_id = driver.post(owner)
    document = build.invoice(owner, "INV-PART", [build.line("a", 100), build.line("b", 200)])
    driver.post(document, upto="create")
    draft = destination.get("invoices", customer=customer_id)["data"][0]["id"]
    assert tuple(destination.system.look_up([document], {})[document.reference].completed) == ("create",)
    destination.do(f"invoices/{draft}/add_lines", **{"lines[0][amount]": 100, "lines[0][metadata][tieout_line_key]": "a"})
    remote = destination.system.look_up([document], {})[document.reference]
    assert (remote.status, tuple(remote.completed)) == ("incomplete", ("create",))


def columns(relation: str) -> set[str]:
    return set(RELATIONS[relation]) - {"read_id", "entity", "period"}


def test_read_back_holds_everything_of_the_entity_and_month_and_what_is_foreign(destination: Destination) -> None:
    driver = destination.driver
    owner, other = build.customer("RB"), build.customer("RB-EU", entity=build.EU)
    for customer in (owner, other):
        driver.post(customer)
    many = build.invoice(owner, "INV-RB1", [build.line(f"l{index}", 1_000 + index, 190, "0.19") for index in range(25)], "EUR")
    yen = build.invoice(owner, "INV-RB2", [build.line("y", 98_765, 9_876, "0.1")], "JPY")
    elsewhere = build.invoice(other, "INV-RB3", [build.line("e", 5)])
    remote_ids = {document.number: driver.post(document) for document in (many, yen, elsewhere)}
    memo = build.credit_memo(many, "CRM-RB1", [build.line("c", 500, 95, "0.19", corrects_line_key="l24")], day=many.document_date)
    memo_id = driver.post(memo)
    form = {"customer": driver.posted[owner.business_key].remote_id, "effective_at": "1767268800", "currency": "usd"}
    foreign = destination.do("invoices", **form)["id"]
    destination.do(f"invoices/{foreign}/add_lines", **{"lines[0][amount]": 777})
    destination.do(f"invoices/{foreign}/finalize")

    records = list(destination.system.read_back(build.US, "2026-01"))
    for relation, record in records:
        assert set(record) == columns(relation)
    invoices = {record["remote_id"]: record for relation, record in records if relation == "raw.stripe_invoices"}
    assert remote_ids["INV-RB3"] not in invoices
    assert invoices[remote_ids["INV-RB1"]] == {
        "remote_id": remote_ids["INV-RB1"],
        "reference": many.reference,
        "number": "INV-RB1",
        "status": "open",
        "currency": "EUR",
        "document_date": many.document_date,
        "subtotal_minor": 25_300,
        "tax_minor": 4_750,
        "total_minor": 30_050,
        "customer_remote_id": driver.posted[owner.business_key].remote_id,
        "credited_minor": 595,
        "amount_due_minor": 30_050,
    }
    assert (invoices[remote_ids["INV-RB2"]]["total_minor"], invoices[remote_ids["INV-RB2"]]["currency"]) == (108_641, "JPY")
    assert (invoices[foreign]["reference"], invoices[foreign]["total_minor"]) == (None, 777)
    lines = [record for relation, record in records if relation == "raw.stripe_invoice_lines" and record["remote_id"] == remote_ids["INV-RB1"]]
    assert {line["line_key"]: (line["amount_minor"], line["tax_minor"]) for line in lines} == {f"l{n}": (1_000 + n, 190) for n in range(25)}
    notes = [record for relation, record in records if relation == "raw.stripe_credit_notes"]
    assert [(note["remote_id"], note["reference"], note["invoice_remote_id"]) for note in notes] == [(memo_id, memo.reference, remote_ids["INV-RB1"])]
    assert (notes[0]["subtotal_minor"], notes[0]["tax_minor"], notes[0]["total_minor"]) == (500, 95, 595)
    note_lines = [record for relation, record in records if relation == "raw.stripe_credit_note_lines"]
    assert [(line["line_key"], line["amount_minor"], line["tax_minor"]) for line in note_lines] == [("c", 500, 95)]
    assert foreign in {
        record["remote_id"] for relation, record in destination.system.read_back(build.EU, "2026-01") if relation == "raw.stripe_invoices"
    }
    assert [record for relation, record in destination.system.read_back(build.US, "2026-07") if relation == "raw.stripe_invoices"] == []


def test_two_hundred_invoices_are_read_back_in_a_moment(destination: Destination) -> None:
    driver, owner = destination.driver, build.customer("MANY", entity="northlight_many")
    driver.post(owner)
    documents = [build.invoice(owner, f"INV-MANY{index}", [build.line(f"l{n}", 100 + n) for n in range(3)]) for index in range(200)]
    for document in documents:
        driver.post(document)
    started = time.monotonic()
    records = list(destination.system.read_back("northlight_many", "2026-01"))
    assert time.monotonic() - started < 60
    ours = Counter(relation for relation, record in records if record.get("reference") in {document.reference for document in documents})
    assert ours == {"raw.stripe_invoices": 200}
    started = time.monotonic()
    assert len(destination.system.look_up(documents, {})) == 200
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("fault", [{"kind": "drop", "times": 3}, {"kind": "rate_limited", "times": 2}, {"kind": "accept_then_truncate"}])
def test_a_read_is_tried_again(destination: Destination, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_etl.transport.exchange.FIRST_PAUSE_SECONDS", 0.01)
    document = build.customer(f"AGAIN-{fault['kind']}")
    remote_id = destination.driver.post(document)
    destination.order(method="GET", path="/v1/customers", **fault)
    assert destination.system.look_up([document], {})[document.reference].remote_id == remote_id


def test_a_page_that_cannot_be_read_is_an_error_never_a_shorter_answer(destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_etl.transport.exchange.FIRST_PAUSE_SECONDS", 0.001)
    destination.order(method="GET", path="/v1/invoices$", kind="unavailable", times=50)
    with pytest.raises(DestinationError, match="503"):
        destination.system.read_back(build.US, "2026-01")
    with pytest.raises(DestinationError):
        destination.system.look_up([build.invoice(build.customer("X"), "INV-X", [])], {})
    httpx.delete(f"{destination.url}/_faults", trust_env=False, timeout=120)
