"""What Tryton's manifest claims, probed at a real server; and what it would be wrong to claim of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from counted_clock import CountedClock
from tryton_documents import US
from tryton_ledger import Ledger

from reverse_etl.conformance import Specimens, Verdict, conformance, reduced
from reverse_etl.conformance.findings import BATCH, KEY, LOCK, SIMULTANEOUS, UNIQUENESS

SPECIMENS = Specimens("tryton", US, "spec", date(2026, 3, 31), debit_account="7900", credit_account="4000", closed_date=date(2026, 6, 30))


def test_the_manifest_is_kept_by_a_real_server(ledger: Ledger) -> None:
    [june] = ledger.period_ids(US, "2026-06")
    ledger.do("account.period.close", [june], {})
    try:
        impatient, url = ledger.open(0.05), ledger.server.url
        report = conformance(ledger.open(), SPECIMENS, kind="tryton", url=url, impatient=impatient, patience=5.0, clock=CountedClock())
    finally:
        ledger.do("account.period.reopen", [june], {})

    entries = {finding.probe: finding.verdict for finding in report.findings if finding.document_type == "journal_entry"}
    assert not report.broken, report.broken
    assert (entries[BATCH], entries[LOCK], entries[UNIQUENESS]) == (Verdict.KEPT, Verdict.KEPT, Verdict.NOTED)


def test_a_key_that_tryton_does_not_have_is_found_out_and_done_without(ledger: Ledger) -> None:
    system = ledger.open()
    system.manifest = replace(system.manifest, key_retention=timedelta(hours=1), document_types=("journal_entry",))

    report = conformance(system, replace(SPECIMENS, run="lie", closed_date=None), kind="tryton", url=ledger.server.url, clock=CountedClock())

    assert {finding.probe for finding in report.broken} == {KEY, SIMULTANEOUS}
    assert reduced(system.manifest, report).of("journal_entry").capability_class == "B"
