"""Sealing takes each proposal exactly once, against the state it was computed from, and numbers it without gaps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from register_rows import ENTITY, credit_memo, customer, invoice, journal, journal_line

from reverse_etl.documents import OutboxRow, State
from reverse_etl.register import Register, SealReport


def seal(register: Register, *rows: OutboxRow) -> SealReport:
    return register.seal(rows, actor="tests", correlation_id="run")


def refusals(report: SealReport) -> list[tuple[str, str]]:
    return sorted((refusal.row.business_key.split("/")[2], refusal.code) for refusal in report.refused)


def test_the_same_rows_again_change_nothing(register: Register) -> None:
    rows = [customer(register), invoice(register), journal(register)]
    first = seal(register, *rows)
    position = register.position

    again = seal(register, *rows)

    assert (len(first.sealed), len(again.sealed), len(again.unchanged), again.refused) == (3, 0, 3, ())
    assert register.position == position
    assert {document.position for document in again.unchanged} == {document.position for document in first.sealed}


def test_numbers_are_gapless_per_entity_and_series_although_rows_are_refused(register: Register) -> None:
    seal(register, invoice(register, "C1"), replace(invoice(register, "C2"), total_minor=1), invoice(register, "C3"), credit_memo(register, "C4"))
    seal(register, replace(invoice(register, "C5"), entity="northlight_eu", business_key="stripe/northlight_eu/invoice/C5:2026-01:1"))
    seal(register, invoice(register, "C6"))

    assert sorted(document.number or "" for document in register.documents()) == [
        "CM-NORTHLIGHT_US-000001",
        "INV-NORTHLIGHT_EU-000001",
        "INV-NORTHLIGHT_US-000001",
        "INV-NORTHLIGHT_US-000002",
        "INV-NORTHLIGHT_US-000003",
    ]


def with_line(row: OutboxRow, rated_line_key: str, register_position: int) -> OutboxRow:
    lines = [line | {"rated_line_key": rated_line_key} for line in row.payload["lines"]]
    return replace(row, payload={**row.payload, "lines": lines}, register_position=register_position)


def test_a_line_that_another_account_was_billed_for_since_is_refused(register: Register) -> None:
    before = register.position
    seal(register, with_line(invoice(register, "CHILD"), "usage", before), with_line(invoice(register, "OTHER"), "elsewhere", before))

    stale = seal(register, with_line(invoice(register, "PARENT"), "usage", before))

    assert refusals(stale) == [("invoice", "stale_head")]
    assert "stripe/northlight_us/invoice/CHILD:2026-01:1 has billed a line of it since" in stale.refused[0].reason
    assert refusals(seal(register, with_line(invoice(register, "PARENT"), "more usage", before))) == []
    assert refusals(seal(register, with_line(invoice(register, "PARENT", period="2026-02"), "usage", register.position))) == []


def test_a_proposal_computed_before_the_last_seal_is_refused(register: Register) -> None:
    seal(register, invoice(register, amount=1000))

    report = seal(register, replace(credit_memo(register, amount=30), register_head=0))

    assert refusals(report) == [("credit_memo", "stale_head")]
    head = register.documents()[0].position
    assert len(seal(register, credit_memo(register, amount=30, head=head)).sealed) == 1


def test_one_batch_may_hold_an_invoice_and_a_credit_memo_of_one_key(register: Register) -> None:
    assert len(seal(register, invoice(register), credit_memo(register)).sealed) == 2


def test_rows_of_one_key_stand_or_fall_together_and_the_others_are_sealed(register: Register) -> None:
    report = seal(register, invoice(register, "C1"), replace(credit_memo(register, "C1"), currency="usd"), invoice(register, "C2"))

    assert [document.natural_id for document in report.sealed] == ["C2:2026-01:1"]
    assert refusals(report) == [("credit_memo", "contract"), ("invoice", "contract")]


def test_two_seals_of_one_key_at_once_let_one_through(register: Register) -> None:
    rows = [invoice(register, amount=1000), credit_memo(register, amount=50)]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda row: seal(register, row), rows))

    assert sorted(len(report.sealed) for report in reports) == [0, 1]
    assert [code for report in reports for _, code in refusals(report)] == ["stale_head"]


def test_a_proposal_against_another_incarnation_is_refused(register: Register) -> None:
    row = invoice(register)
    register.renew_incarnation("tests", "restored from a backup")

    assert refusals(seal(register, row)) == [("invoice", "wrong_incarnation")]


def test_a_closed_period_takes_no_document_and_holds_up_no_other(register: Register) -> None:
    register.close_period(ENTITY, "2026-01", landing_position=7, actor="tests")

    report = seal(register, invoice(register), invoice(register, "C2", period="2026-02"))

    assert refusals(report) == [("invoice", "closed_period")]
    assert [document.period for document in report.sealed] == ["2026-02"]


def test_other_content_under_a_sealed_key_is_refused(register: Register) -> None:
    seal(register, invoice(register, amount=1000))
    head = register.documents()[0].position

    assert refusals(seal(register, invoice(register, amount=2000, head=head))) == [("invoice", "contract")]


def test_a_revision_follows_the_one_before_it(register: Register) -> None:
    seal(register, customer(register))
    head = register.documents()[0].position

    assert refusals(seal(register, customer(register, revision=3, head=head, name="Eve"))) == [("customer", "contract")]
    assert len(seal(register, customer(register, revision=2, head=head, name="Bob")).sealed) == 1


def test_what_replaces_a_cancelled_document_inherits_its_number(register: Register) -> None:
    seal(register, invoice(register, "C1", amount=1000))
    [wrong] = register.documents()
    register.cancel(wrong, "tests", "wrong amount")

    report = seal(register, invoice(register, "C1", amount=900, head=wrong.position), invoice(register, "C2"))

    assert {document.natural_id: document.number for document in report.sealed} == {
        "C1:2026-01:1": "INV-NORTHLIGHT_US-000001",
        "C2:2026-01:1": "INV-NORTHLIGHT_US-000002",
    }


def lines(row: OutboxRow, **changes: Any) -> OutboxRow:
    return replace(row, payload={**row.payload, "lines": [{**line, **changes} for line in row.payload["lines"]]})


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda r: replace(invoice(r), contract_version=2), "contract version 2"),
        (lambda r: replace(invoice(r), business_key="stripe/x/invoice/1"), "business key"),
        (lambda r: replace(invoice(r), currency="dollars"), "ISO 4217"),
        (lambda r: replace(invoice(r), total_minor=0), "not positive"),
        (lambda r: replace(invoice(r), series=None), "series"),
        (lambda r: replace(invoice(r), operation="update"), "operation"),
        (lambda r: replace(invoice(r), depends_on=("tryton/northlight_us/customer/C1",)), "another system"),
        (lambda r: lines(invoice(r), amount_minor=999), "lines sum to 999"),
        (lambda r: lines(invoice(r), tax_minor=1), "line taxes sum to 1"),
        (lambda r: lines(invoice(r), amount_minor=1000.0), "not an integer of minor units"),
        (lambda r: lines(invoice(r), quantity=0.1), "float is not exact"),
        (lambda r: replace(invoice(r), payload={**invoice(r).payload, "lines": []}), "no lines"),
        (lambda r: lines(journal(r), line_key="same"), "occurs twice"),
        (lambda r: journal(r, [journal_line("1", "debit", 1200), journal_line("2", "credit", 1199)]), "debits 1200 and credits 1199 differ in USD"),
        (lambda r: journal(r, [journal_line("1", "debit", 1200, 1), journal_line("2", "credit", 1200, 2)]), "differ in functional currency"),
        (lambda r: journal(r, total=1), "not the row's total"),
        (lambda r: replace(journal(r), posting_date=date(2026, 2, 1)), "outside its period"),
    ],
)
def test_a_row_that_breaks_the_contract_is_refused_with_its_reason(register: Register, break_it: Callable[[Register], OutboxRow], told: str) -> None:
    report = seal(register, break_it(register))

    [refusal] = report.refused
    assert refusal.code == "contract"
    assert told in refusal.reason
    assert register.documents() == []
    [exception] = register.exceptions("open")
    assert told in exception.reason
    assert exception.action


def test_a_refusal_is_one_open_exception_until_the_row_is_sealed(register: Register) -> None:
    for _ in range(2):
        seal(register, replace(invoice(register), currency="usd"))
    assert [exception.kind for exception in register.exceptions("open")] == ["seal_refused"]

    seal(register, invoice(register))

    assert register.exceptions("open") == []
    assert [exception.resolution for exception in register.exceptions("resolved")] == ["sealed"]


def test_a_thousand_documents_are_sealed_within_seconds(register: Register) -> None:
    rows = [replace(row, register_incarnation=row.register_incarnation) for row in (invoice(register, f"C{n:04d}") for n in range(1000))]
    began = time.perf_counter()
    report = seal(register, *rows)

    assert len(report.sealed) == 1000
    # The aim is one second on a quiet machine; the bound leaves room for a busy one, and none for work that grows with its square.
    assert time.perf_counter() - began < 60.0


SEAL_TEN = """
import sys
sys.path.insert(0, sys.argv[2])
from register_rows import invoice
from reverse_etl.register import Register
register = Register.open(sys.argv[1])
register.seal([invoice(register, f"C{n}") for n in range(10)], "tests", "run")
"""


@pytest.mark.parametrize(("point", "kept"), [("before_seal_commit", 0), ("inside_seal_commit", 0), ("after_seal_commit", 10)])
def test_a_seal_that_is_killed_is_whole_or_absent_and_can_be_repeated(register_url: str, point: str, kept: int) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", SEAL_TEN, register_url, str(Path(__file__).parent)],
        env={**os.environ, "TIEOUT_CRASH_POINT": point},
        check=False,
        timeout=300,
    )
    register = Register.open(register_url)

    assert killed.returncode == -signal.SIGKILL
    assert len(register.documents()) == kept
    assert register.verify_chain().intact
    report = seal(register, *[invoice(register, f"C{n}") for n in range(10)])
    assert (len(report.sealed), len(report.unchanged)) == (10 - kept, kept)
    assert sorted((document.number or "")[-2:] for document in register.documents(states=[State.PENDING])) == [f"{n:02d}" for n in range(1, 11)]
