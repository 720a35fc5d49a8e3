"""Periods close once with their cutoff; exceptions stay open once until somebody resolves them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from register_rows import ENTITY, invoice

from reverse_etl.errors import RegisterError
from reverse_etl.register import NewException, Register

TRUNCATED = NewException("landing", "usage.jsonl", "line 3 is truncated", "deliver it again", file_name="usage.jsonl", line_number=3)


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


def test_a_hard_close_waits_for_every_document_and_is_final(register: Register) -> None:
    register.seal([invoice(register)], "tests", "run")
    with pytest.raises(RegisterError, match="1 documents are not verified"):
        register.close_period(ENTITY, "2026-01", landing_position=1, actor="tests", status="hard_closed")

    register.cancel(register.documents()[0], "tests", "not wanted")
    register.close_period(ENTITY, "2026-01", landing_position=1, actor="tests", status="hard_closed")

    with pytest.raises(RegisterError, match="hard closed"):
        register.close_period(ENTITY, "2026-01", landing_position=1, actor="tests", status="open")


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
