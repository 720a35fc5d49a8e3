"""A hard close rests on a sign-off: one person asks, another approves the seal, and whatever moves the seal voids it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from register_rows import ENTITY, invoice
from register_rows import journal as journal_entry
from register_stores import run

from reverse_etl.documents import OutboxRow
from reverse_etl.errors import ApprovalError, BrokenSealError, MakerIsCheckerError, PeriodError
from reverse_etl.register import ApprovalRequest, NewApprovalRequest, Register
from reverse_etl.register.records.periods import HARD_CLOSED

PERIOD = "2026-01"
GATE = NewApprovalRequest("run_gate", ENTITY, f"{ENTITY}/correction", "1000 corrections", content_hash="a" * 64)


@pytest.fixture
def closed(register: Register, register_url: str) -> Register:
    """January: an invoice and a journal entry, verified."""
    assert len(register.seal([invoice(register), journal_entry(register)], "tests", "run").sealed) == 2
    run(register_url, "update deliveries set state = 'verified'")
    close(register)
    return register


def close(register: Register) -> None:
    register.close_period(ENTITY, PERIOD, 7, "tests")


def accrual(register: Register) -> OutboxRow:
    return replace(
        journal_entry(register),
        cause="unbilled_receivables_accrued",
        natural_id="J2",
        business_key=f"tryton/{ENTITY}/journal_entry/J2",
        subtracted_key="journal:J2",
    )


def ask(register: Register, reason: str = "January is ready") -> ApprovalRequest:
    return register.ask_to_sign_off(ENTITY, PERIOD, reason, "ada")


def approve(register: Register, request: ApprovalRequest, actor: str = "grace", four_eyes: bool = True) -> ApprovalRequest:
    return register.approve(request.request_id, request.content_hash, actor, four_eyes)


def hard_close(register: Register) -> bool:
    return register.close_period(ENTITY, PERIOD, None, "grace", HARD_CLOSED)


def test_nobody_hard_closes_what_is_not_signed_off(closed: Register) -> None:
    with pytest.raises(PeriodError, match=f"is not signed off; ask with 'tieout periods sign-off {PERIOD} --entity {ENTITY}'"):
        hard_close(closed)
    request = ask(closed)
    with pytest.raises(PeriodError, match=f"ada asked, another user decides: tieout approve {request.request_id}"):
        hard_close(closed)
    with pytest.raises(MakerIsCheckerError):
        approve(closed, request, "ada")

    approve(closed, request)

    assert hard_close(closed)
    found = closed.sign_off(ENTITY, PERIOD)
    assert found is not None
    assert found.verdict is not None
    assert (found.requested_by, found.verdict.decided_by, found.verdict.four_eyes) == ("ada", "grace", "required")


def test_an_installation_of_one_person_signs_off_alone_and_says_so(closed: Register) -> None:
    approved = approve(closed, ask(closed), "ada", four_eyes=False)
    assert hard_close(closed)
    assert approved.verdict is not None
    assert approved.verdict.four_eyes == "waived"


def test_the_same_seal_is_asked_for_once(closed: Register) -> None:
    assert ask(closed).request_id == ask(closed).request_id
    assert len(closed.approval_requests()) == 1


def test_only_a_soft_closed_period_is_signed_off(register: Register) -> None:
    with pytest.raises(PeriodError, match="is open; close it first"):
        ask(register)
    close(register)
    approve(register, ask(register))
    hard_close(register)
    with pytest.raises(PeriodError, match="is hard closed; its sign-off is part of that"):
        ask(register, "once more")


def test_what_is_sealed_into_the_period_afterwards_voids_the_sign_off(closed: Register, register_url: str) -> None:
    given, asked = ask(closed), ask(closed, "too early")
    approve(closed, given)
    assert closed.asked_sign_off(ENTITY, PERIOD) == asked
    assert closed.seal([accrual(closed)], "tests", "run").sealed
    run(register_url, "update deliveries set state = 'verified'")

    assert closed.sign_off(ENTITY, PERIOD) is None
    assert closed.asked_sign_off(ENTITY, PERIOD) is None
    with pytest.raises(PeriodError, match="was signed off by grace as it was sealed before"):
        hard_close(closed)
    with pytest.raises(PeriodError, match="sealed anew since request"):
        approve(closed, asked)

    approve(closed, ask(closed))
    assert hard_close(closed)


def test_reopening_voids_the_sign_off(closed: Register) -> None:
    approve(closed, ask(closed))
    approve(closed, closed.ask_to_reopen(ENTITY, PERIOD, "a late invoice", "ada"))
    assert closed.sign_off(ENTITY, PERIOD) is None
    close(closed)

    # What it holds is the same as before; it was closed anew all the same.
    assert closed.sign_off(ENTITY, PERIOD) is None
    with pytest.raises(PeriodError, match="was signed off by grace as it was sealed before"):
        hard_close(closed)
    assert [change.status for change in closed.period_changes(ENTITY, PERIOD)] == ["soft_closed", "open", "soft_closed"]


def test_what_was_rejected_is_asked_for_with_another_reason(closed: Register) -> None:
    request = ask(closed)
    closed.reject(request.request_id, request.content_hash, "grace", "one invoice is missing")
    with pytest.raises(ApprovalError, match=r"was rejected by grace \(one invoice is missing\); give a --reason"):
        ask(closed)
    assert ask(closed, "it is billed in February, as agreed").status == "open"


def test_a_sign_off_is_withdrawn_until_the_period_is_hard_closed(closed: Register) -> None:
    first, second = ask(closed), ask(closed, "once more")
    approve(closed, first)
    closed.reject(first.request_id, first.content_hash, "grace", "too early")
    with pytest.raises(PeriodError, match="not signed off"):
        hard_close(closed)
    approve(closed, second)
    hard_close(closed)
    with pytest.raises(ApprovalError, match="is hard closed on this sign-off, for ever"):
        closed.reject(second.request_id, second.content_hash, "grace", "too late")
    assert [request.status for request in closed.approval_requests()] == ["rejected", "approved"]


def test_what_is_broken_is_neither_signed_off_nor_approved(closed: Register, register_url: str) -> None:
    request = ask(closed)
    run(register_url, "update documents set total_minor = total_minor - 1 where document_type = 'invoice'")
    with pytest.raises(BrokenSealError, match="documents invoice in USD"):
        approve(closed, request)
    with pytest.raises(BrokenSealError, match="documents invoice in USD"):
        ask(closed, "once more")


def test_decisions_that_were_asked_for_before_the_close_are_taken_before_the_hard_close(register: Register) -> None:
    request = register.ask(GATE, "ada")
    close(register)
    later = register.ask(replace(GATE, subject=f"{ENTITY}/price"), "ada")
    approve(register, ask(register))

    assert [one.request_id for one in register.undecided(ENTITY, PERIOD)] == [request.request_id]
    with pytest.raises(
        PeriodError, match=f"1 requests are not decided, run_gate of {ENTITY}/correction among them; 'tieout approve {request.request_id}'"
    ):
        hard_close(register)

    register.reject(request.request_id, request.content_hash, "grace", "it is corrected by hand")
    assert register.undecided(ENTITY, PERIOD) == []
    assert hard_close(register)
    assert later.status == "open"
    assert register.verify_chain().intact


def test_a_plan_that_was_computed_anew_holds_nothing_up(register: Register) -> None:
    register.ask(GATE, "ada")
    newer = register.ask(replace(GATE, content_hash="b" * 64), "ada")
    approve(register, newer)
    close(register)
    approve(register, ask(register))
    assert hard_close(register)


def test_a_request_to_reopen_is_decided_before_the_hard_close(closed: Register) -> None:
    approve(closed, ask(closed))
    asked = closed.ask_to_reopen(ENTITY, PERIOD, "a late invoice", "ada")
    with pytest.raises(PeriodError, match=f"period_reopen of {ENTITY}/{PERIOD} among them"):
        hard_close(closed)
    closed.reject(asked.request_id, asked.content_hash, "grace", "it is billed in February")
    assert hard_close(closed)


def test_what_is_decided_of_a_posting_of_the_period_is_decided_before_the_hard_close(closed: Register) -> None:
    approve(closed, ask(closed))
    asked = closed.ask_to_repost(f"tryton/{ENTITY}/journal_entry/J1", "wrong account", "ada")
    with pytest.raises(PeriodError, match="repost of tryton/northlight_us/journal_entry/J1 among them"):
        hard_close(closed)
    closed.reject(asked.request_id, asked.content_hash, "grace", "it is right")
    assert hard_close(closed)
