"""What a legal entity and period holds, counted and summed: the figures that a checklist rests on."""

from __future__ import annotations

from dataclasses import replace

from register_rows import ENTITY, customer, invoice, journal

from reverse_etl.documents import SealedDocument, State
from reverse_etl.register import Register


def bring(register: Register, document: SealedDocument, *states: State) -> None:
    for state in states:
        with register.delivering(register.claim_lane(document.system, document.entity, "poster")) as transaction:
            before = transaction.deliveries([document.position])[document.position]
            transaction.save(before, replace(before, state=state, remote_id="R1"))


def test_documents_are_counted_by_destination_type_state_and_currency(register: Register) -> None:
    rows = [customer(register), invoice(register), invoice(register, "C0002", amount=500), journal(register), invoice(register, period="2026-02")]
    sealed = register.seal(rows, "tests", "run-7").sealed
    first = next(one for one in sealed if one.natural_id == "C0001:2026-01:1")
    bring(register, first, State.POSTED, State.VERIFIED)

    found = {(one.system, one.document_type, one.state): one for one in register.period_documents(ENTITY, "2026-01")}

    assert {key: (one.documents, one.total_minor, one.currency) for key, one in found.items()} == {
        ("stripe", "customer", State.PENDING): (1, 0, "USD"),
        ("stripe", "invoice", State.PENDING): (1, 600, "USD"),
        ("stripe", "invoice", State.VERIFIED): (1, 1200, "USD"),
        ("tryton", "journal_entry", State.PENDING): (1, 1200, "USD"),
    }
    verified, pending = found["stripe", "invoice", State.VERIFIED], found["stripe", "invoice", State.PENDING]
    assert (verified.sealed_position, verified.run_id, pending.posted_at) == (first.position, "run-7", None)
    assert verified.posted_at is not None
    assert verified.posted_at >= verified.sealed_at


def test_a_document_that_was_posted_and_reversed_is_counted_once(register: Register) -> None:
    [entry] = register.seal([journal(register)], "tests", "run").sealed
    bring(register, entry, State.POSTED, State.VERIFIED, State.REVERSED)
    [found] = register.period_documents(ENTITY, "2026-01")
    assert (found.documents, found.total_minor, found.state) == (1, 1200, State.REVERSED)
    assert register.period_documents(ENTITY, "2026-02") == []
    assert register.period_documents("northlight_eu", "2026-01") == []
