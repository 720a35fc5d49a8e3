"""What the manifest claims of QuickBooks, probed at the stand-in; and what it would be wrong to claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from counted_clock import CountedClock
from quickbooks_books import US, Books

from reverse_etl.conformance import Specimens, Verdict, conformance, reduced
from reverse_etl.conformance.findings import BATCH, LOCK, UNIQUENESS
from reverse_etl.systems.contract import FOREVER

SPECIMENS = Specimens("quickbooks", US, "spec", date(2026, 5, 31), debit_account="2200-taxes", credit_account="4000", closed_date=date(2025, 12, 31))


def test_the_manifest_is_kept(start: Callable[..., Books]) -> None:
    books = start()
    books.books(closed_until="2025-12-31")
    impatient = books.open()
    impatient.manifest = replace(impatient.manifest, send_deadline=timedelta(milliseconds=20))

    report = conformance(books.open(), SPECIMENS, kind="quickbooks", url=books.url, impatient=impatient, patience=5.0, clock=CountedClock())

    entries = {finding.probe: finding.verdict for finding in report.findings if finding.document_type == "journal_entry"}
    assert not report.broken, report.broken
    assert (entries[BATCH], entries[LOCK], entries[UNIQUENESS]) == (Verdict.KEPT, Verdict.KEPT, Verdict.NOTED)


def test_a_document_number_is_no_unique_reference(start: Callable[..., Books]) -> None:
    books = start()
    system = books.open()
    system.manifest = replace(system.manifest, key_retention=FOREVER, document_types=("journal_entry",))

    report = conformance(system, replace(SPECIMENS, closed_date=None), kind="quickbooks", url=books.url, clock=CountedClock())

    assert UNIQUENESS in {finding.probe for finding in report.broken}
    assert reduced(system.manifest, report).of("journal_entry").capability_class == "B"
