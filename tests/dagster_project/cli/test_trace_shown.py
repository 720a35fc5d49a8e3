"""What ``tieout trace`` shows of a walk."""

from __future__ import annotations

import pytest

from dagster_project.cli.reading.trace import show
from dagster_project.cli.session import Session
from dagster_project.published.lineage import Row, Walk

NUMBER = "2026-000316"


def entry(entity: str) -> Row:
    key = f"tryton/{entity}/journal_entry/J1"
    return {"business_key": key, "remote_number": NUMBER, "remote_id": "7", "posting_date": "2026-02-28", "state": "verified", "reference": "TO-1"}


def line(side: str) -> Row:
    amounts = {"amount_minor": 1200, "currency": "JPY", "functional_minor": 850, "functional_currency": "USD"}
    return {"line_key": f"J1#{side}", "account": "1200", "side": side, "posting_date": "2026-02-28", **amounts}


def told(capsys: pytest.CaptureFixture[str], *entities: str) -> str:
    summary = {"usage_key": "S1/calls", "quantity": "54233.0000000000000", "amount_precise": "51.5213500000000000", "event_count": 24}
    entries = [entry(entity) for entity in entities]
    show(Session(None, False), Walk(NUMBER, "ERP document", [], 0, [summary], [], [], [], [line("debit")], entries))
    return capsys.readouterr().out


def test_both_amounts_of_a_journal_line_are_shown_in_units_of_their_currencies(capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "northlight_us")
    assert "│  1,200 │ JPY      │       8.50 │ USD " in shown
    assert "│   54,233 │" in shown
    assert "│       51.52135 │" in shown
    assert "Payments: none" in shown
    assert "One alone" not in shown


def test_a_number_that_several_legal_entities_have_given_says_so_and_how_one_is_traced_alone(capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "northlight_us", "northlight_eu")
    assert "It is the number of 2 of them" in shown
    assert "  tieout trace tryton/northlight_eu/journal_entry/J1\n" in shown
