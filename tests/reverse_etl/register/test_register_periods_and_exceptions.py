"""Periods close once with their cutoff; exceptions stay open once until somebody resolves them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from register_rows import ENTITY, invoice
from register_rows import journal as journal_entry

from reverse_etl.documents import OutboxRow
from reverse_etl.errors import ApprovalError, MakerIsCheckerError, PeriodError, RegisterError
from reverse_etl.register import NewException, Register
from reverse_etl.register.records.periods import HARD_CLOSED, OPEN, SOFT_CLOSED

TRUNCATED = NewException("landing", "usage.jsonl", "line 3 is truncated", "deliver it again", file_name="usage.jsonl", line_number=3)


def close(register: Register, period: str, status: str = SOFT_CLOSED) -> bool:
    return register.close_period(ENTITY, period, landing_position=7, actor="tests", status=status)


def sign_off(register: Register, period: str) -> None:
    request = register.ask_to_sign_off(ENTITY, period, "it ties", "ada")
    register.approve(request.request_id, request.content_hash, "grace")


def journal(register: Register, cause: str = "revenue") -> OutboxRow:
    return replace(journal_entry(register), cause=cause)


def refusals(register: Register, row: OutboxRow) -> list[str]:
    return [refusal.code for refusal in register.seal([row], "tests", "run").refused]


def test_a_period_is_open_until_closed_and_keeps_its_first_cutoff(register: Register) -> None:
    assert register.period_status(ENTITY, "2026-01") == "open"
    assert register.close_period(ENTITY, "2026-01", landing_position=7, actor="tests")
    position = register.position

    assert not register.close_period(ENTITY, "2026-01", landing_position=9, actor="tests")

    assert register.position == position
    [change] = register.periods_since(0)
    assert (change.status, change.landing_position, change.actor) == ("soft_closed", 7, "tests")
    assert register.period_status("northlight_eu", "2026-01") == "open"


def test_the_first_open_period_skips_what_is_closed_across_the_year(register: Register) -> None:
    for period in ("2026-11", "2026-12"):
        register.close_period(ENTITY, period, landing_position=1, actor="tests")

    assert register.first_open_period(ENTITY, "2026-11") == "2027-01"
    assert register.first_open_period(ENTITY, "2026-10") == "2026-10"


def test_a_hard_close_follows_a_soft_one_waits_for_every_document_and_is_final(register: Register) -> None:
    register.seal([invoice(register)], "tests", "run")
    with pytest.raises(PeriodError, match="2026-01 of northlight_us is open; close it first"):
        close(register, "2026-01", HARD_CLOSED)
    close(register, "2026-01")
    with pytest.raises(PeriodError, match="1 documents are not verified"):
        close(register, "2026-01", HARD_CLOSED)

    register.cancel(register.documents()[0], "tests", "not wanted")
    sign_off(register, "2026-01")
    assert close(register, "2026-01", HARD_CLOSED)

    for status in (OPEN, SOFT_CLOSED):
        with pytest.raises(PeriodError, match="hard closed and cannot become"):
            close(register, "2026-01", status)
    with pytest.raises(PeriodError, match="hard closed, for ever"):
        register.ask_to_reopen(ENTITY, "2026-01", "a late invoice", "ada")
    assert refusals(register, journal(register, cause="unbilled_receivables_accrued")) == ["closed_period"]


def test_periods_are_closed_in_order_and_nothing_is_posted_before_the_first_open_one(register: Register) -> None:
    close(register, "2026-01")
    with pytest.raises(PeriodError, match="2026-03 of northlight_us cannot be closed while 2026-02 is open"):
        close(register, "2026-03")
    close(register, "2026-02")

    assert refusals(register, invoice(register, period="2025-12")) == ["closed_period"]
    [exception] = register.exceptions()
    assert "2025-12 of northlight_us is before 2026-03, its first open period" in exception.reason


def test_a_soft_closed_period_takes_the_snapshots_of_its_end_and_nothing_else(register: Register) -> None:
    close(register, "2026-01")
    refused = [invoice(register), journal(register), journal(register, cause="write_off")]
    assert [refusals(register, row) for row in refused] == [["closed_period"], ["closed_period"], ["not_approved"]]
    assert refusals(register, replace(invoice(register), cause="unbilled_receivables_accrued")) == ["closed_period"]

    assert register.seal([journal(register, cause="unbilled_receivables_accrued")], "tests", "run").sealed
    assert register.verify_seals() == []


def test_two_people_reopen_the_period_that_was_closed_last(register: Register) -> None:
    for period in ("2026-01", "2026-02"):
        close(register, period)
    with pytest.raises(PeriodError, match="two people reopen it"):
        close(register, "2026-02", OPEN)
    with pytest.raises(PeriodError, match="2026-01 of northlight_us cannot be reopened while 2026-02 is closed"):
        register.ask_to_reopen(ENTITY, "2026-01", "a late invoice", "ada")
    asked = register.ask_to_reopen(ENTITY, "2026-02", "a late invoice", "ada")
    with pytest.raises(MakerIsCheckerError):
        register.approve(asked.request_id, asked.content_hash, "ada")
    assert register.period_status(ENTITY, "2026-02") == "soft_closed"

    register.approve(asked.request_id, asked.content_hash, "grace")

    assert register.period_status(ENTITY, "2026-02") == "open"
    latest = register.period_change(ENTITY, "2026-02")
    assert latest is not None
    assert (latest.actor, latest.landing_position) == ("grace", 7)
    assert register.seal([invoice(register, period="2026-02")], "tests", "run").sealed
    with pytest.raises(ApprovalError, match="approved by grace and the period opened"):
        register.reject(asked.request_id, asked.content_hash, "ada", "changed my mind")
    assert close(register, "2026-02")
    assert register.verify_seals() == []
    assert register.verify_chain().intact


def test_an_approval_to_reopen_is_of_what_was_closed_then(register: Register) -> None:
    close(register, "2026-01")
    first, second = (register.ask_to_reopen(ENTITY, "2026-01", reason, "ada") for reason in ("a late invoice", "a wrong rate"))
    register.approve(first.request_id, first.content_hash, "grace")
    close(register, "2026-01")

    with pytest.raises(PeriodError, match="closed anew since request"):
        register.approve(second.request_id, second.content_hash, "grace")
    assert register.period_status(ENTITY, "2026-01") == "soft_closed"


def test_an_exception_is_recorded_once_while_it_is_open(register: Register) -> None:
    assert register.record_exception(TRUNCATED)
    assert not register.record_exception(replace(TRUNCATED, reason="told differently"))
    [exception] = register.exceptions("open")
    assert (exception.file_name, exception.line_number, exception.reason) == ("usage.jsonl", 3, "line 3 is truncated")

    register.resolve_exception(exception.position, "delivered again", "tests")

    assert register.exceptions("open") == []
    assert [entry.resolved_by for entry in register.exceptions("resolved")] == ["tests"]
    assert register.record_exception(TRUNCATED)
    assert len(register.exceptions(None)) == 2
    assert register.verify_chain().intact


def test_an_exception_cannot_be_resolved_twice_or_from_nowhere(register: Register) -> None:
    register.record_exception(TRUNCATED)
    [exception] = register.exceptions("open")
    register.resolve_exception(exception.position, "done", "tests")

    with pytest.raises(RegisterError, match="already"):
        register.resolve_exception(exception.position, "done", "tests")
    with pytest.raises(RegisterError, match="no exception 999"):
        register.resolve_exception(999, "done", "tests")
