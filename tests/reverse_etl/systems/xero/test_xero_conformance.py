"""Xero's stand-in keeps what the manifest claims of Xero."""

from __future__ import annotations

from datetime import date, timedelta

from counted_clock import CountedClock
from ledger_stand_in import US
from xero_books import Books

from reverse_etl.conformance import Specimens, Verdict, conformance


def test_what_the_manifest_claims_is_kept(books: Books) -> None:
    own = books.installation
    specimens = Specimens("xero", US, "r1", date(2026, 1, 31), debit_account="1200", credit_account="4000", closed_date=date(2025, 12, 31))
    books.lock("2025-12-31")
    try:
        report = conformance(
            own.open(document_types=("journal_entry",)),
            specimens,
            kind="xero",
            url=books.stand_in.url,
            impatient=own.open(send_deadline=timedelta(milliseconds=50)),
            patience=0.5,
            clock=CountedClock(),
        )
    finally:
        books.lock(None)
    assert report.broken == ()
    found = {(finding.document_type, finding.probe, finding.verdict) for finding in report.findings}
    assert {
        ("journal_entry", "comparison", Verdict.KEPT),
        ("journal_entry", "batch", Verdict.KEPT),
        ("journal_entry", "lock", Verdict.KEPT),
        # Nothing of a journal is unique, and nothing is claimed.
        ("journal_entry", "uniqueness", Verdict.NOTED),
    } <= found
