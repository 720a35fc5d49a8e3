"""What was withdrawn or finally refused may be proposed again; what may have been sent may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from register_rows import ENTITY, customer, invoice, journal

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import RegisterError
from reverse_etl.register import NewException, Register


def seal_one(register: Register, amount: int = 1000, head: int = 0) -> SealedDocument:
    [document] = register.seal([invoice(register, amount=amount, head=head)], "tests", "run").sealed
    return document


def delivered(register: Register, document: SealedDocument, state: State, **changes: object) -> None:
    with register.delivering(register.claim_lane("stripe", ENTITY, "poster")) as transaction:
        [before] = transaction.deliveries([document.position]).values()
        transaction.save(before, replace(before, state=state, **changes))  # type: ignore[arg-type]


def test_a_cancelled_document_may_be_proposed_again_unchanged_under_its_number_and_with_keys_of_its_own(register: Register) -> None:
    cancelled = seal_one(register)
    register.cancel(cancelled, "tests", "sealed by mistake")

    report = register.seal([invoice(register, head=cancelled.position), invoice(register, "C2")], "tests", "run")

    assert [document.number for document in report.sealed] == ["INV-NORTHLIGHT_US-000001", "INV-NORTHLIGHT_US-000002"]
    assert [delivery.generation for _, delivery in register.deliveries(states=[State.PENDING])] == [1, 0]
    assert register.verify_chain().intact


def test_a_proposal_that_leaves_out_what_was_cancelled_is_not_stale(register: Register) -> None:
    """Customers and journals carry the last head that still counts; what is cancelled was never issued."""
    rows = [customer(register), journal(register)]
    for _ in range(2):
        sealed = register.seal(rows, "tests", "run").sealed
        for document in sealed:
            register.cancel(document, "tests", "sealed by mistake")

    assert len(register.seal(rows, "tests", "run").sealed) == 2


def test_what_was_issued_before_a_cancelled_document_still_has_to_be_subtracted(register: Register) -> None:
    issued = seal_one(register)
    later = replace(invoice(register, amount=50, head=issued.position), natural_id="2", business_key=f"stripe/{ENTITY}/invoice/2")
    [cancelled] = register.seal([later], "tests", "run").sealed
    register.cancel(cancelled, "tests", "sealed by mistake")

    [refusal] = register.seal([replace(later, register_head=0)], "tests", "run").refused

    assert refusal.code == "stale_head"
    assert len(register.seal([replace(later, register_head=issued.position)], "tests", "run").sealed) == 1


def test_a_head_beyond_what_was_sealed_is_refused(register: Register) -> None:
    assert [refusal.code for refusal in register.seal([invoice(register, head=40)], "tests", "run").refused] == ["stale_head"]


def test_a_corrected_document_takes_the_place_and_number_of_the_rejected_one(register: Register) -> None:
    rejected = seal_one(register, amount=1000)
    delivered(register, rejected, State.REJECTED, reason="no such tax code")
    register.record_exception(NewException("document_rejected", rejected.business_key, "no such tax code", "correct it"))

    corrected = seal_one(register, amount=990, head=rejected.position)

    assert corrected.number == rejected.number
    assert [delivery.state for _, delivery in register.deliveries()] == [State.CANCELLED, State.PENDING]
    assert register.exceptions() == []
    assert register.verify_chain().intact


@pytest.mark.parametrize("state", [State.AMBIGUOUS, State.PARKED, State.POSTED, State.VERIFIED])
def test_what_may_be_at_its_destination_is_neither_cancelled_nor_replaced(register: Register, state: State) -> None:
    document = seal_one(register, amount=1000)
    delivered(register, document, state, doubt=True)

    with pytest.raises(RegisterError, match="may be at its destination"):
        register.cancel(document, "tests", "no longer wanted")
    [refusal] = register.seal([invoice(register, amount=990, head=document.position)], "tests", "run").refused
    assert refusal.code == "contract"


def test_a_closed_period_takes_no_customer_either(register: Register) -> None:
    register.close_period(ENTITY, "2026-01", landing_position=7, actor="tests")
    assert [refusal.code for refusal in register.seal([customer(register)], "tests", "run").refused] == ["closed_period"]


def test_what_replaces_a_rejected_entry_in_an_open_period_leaves_the_seal_of_the_closed_one(register: Register) -> None:
    [rejected] = register.seal([journal(register)], "tests", "run").sealed
    delivered(register, rejected, State.REJECTED, reason="the account is inactive")
    register.close_period(ENTITY, "2026-01", landing_position=7, actor="tests")
    later = replace(
        journal(register), document_date=date(2026, 2, 1), posting_date=date(2026, 2, 1), period="2026-02", register_head=rejected.position
    )

    assert len(register.seal([later], "tests", "run").sealed) == 1

    assert [delivery.state for _, delivery in register.deliveries()] == [State.CANCELLED, State.PENDING]
    assert register.verify_seals() == []
