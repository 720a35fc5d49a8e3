"""The conformance kit finds every lie of a manifest, and a push then does without what was disproved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from posting_books import HTTP, Destination
from posting_system import CLASS_A, CLASS_B, CLASS_C, CLASS_U, ENTITY, SYSTEM, Books

from reverse_etl.conformance import ConformanceReport, Finding, Specimens, Verdict, conformance, reduced
from reverse_etl.conformance.findings import BATCH, CHANGED_BODY, EXPIRY, IN_FLIGHT, KEY, LAG, LOOK_UP, SIMULTANEOUS, UNIQUENESS
from reverse_etl.conformance.rehearsal import Clock
from reverse_etl.systems.contract import FOREVER, Manifest

Start = Callable[..., Destination]
SPECIMENS = Specimens(SYSTEM, ENTITY, "spec", date(2026, 1, 28), debit_account="1000", credit_account="2000")
JOURNALS = replace(CLASS_B, document_types=("journal_entry",), in_flight_bound=timedelta(seconds=0.8))
SHORT_KEY = replace(JOURNALS, key_retention=timedelta(seconds=1))


class ClockOf(Clock):
    """Nobody waits: what is slept here has passed at the destination too, and nothing else has."""

    def __init__(self, books: Destination) -> None:
        self._url = books.url
        self._now = 0.0
        self.sleep(0.0)

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        HTTP.post(f"{self._url}/later", json={"seconds": seconds})
        self._now += seconds


def probed(books: Destination, claimed: Manifest, patience: float = 5.0) -> ConformanceReport:
    return conformance(Books(books.url, claimed), SPECIMENS, kind="books", url=books.url, patience=patience, clock=ClockOf(books))


def broken(report: ConformanceReport) -> set[str]:
    return {finding.probe for finding in report.broken}


def facts(report: ConformanceReport, probe: str) -> list[tuple[str, Verdict]]:
    return [(finding.fact, finding.verdict) for finding in report.findings if finding.probe == probe]


@pytest.mark.parametrize("honest", [SHORT_KEY, JOURNALS, replace(JOURNALS, look_up_lag=timedelta(seconds=0.3))], ids=["A", "B", "lag"])
def test_an_honest_manifest_is_not_doubted(start: Start, honest: Manifest) -> None:
    report = probed(start(honest), honest)

    assert not report.broken, report.broken
    assert reduced(honest, report) == honest


@pytest.mark.parametrize(
    ("promised", "claimed", "lies"),
    [
        (JOURNALS, replace(JOURNALS, key_retention=timedelta(hours=1)), {KEY, SIMULTANEOUS}),
        (SHORT_KEY, replace(SHORT_KEY, key_retention=timedelta(seconds=3)), {EXPIRY}),
        (replace(SHORT_KEY, key_retention=timedelta(hours=1)), replace(SHORT_KEY, key_retention=FOREVER), {UNIQUENESS}),
        (SHORT_KEY, replace(SHORT_KEY, refuses_changed_body=True), {CHANGED_BODY}),
        (replace(JOURNALS, look_up_lag=timedelta(seconds=1.5)), JOURNALS, {LAG}),
        (replace(JOURNALS, look_up_lag=timedelta(hours=1)), JOURNALS, {LOOK_UP}),
    ],
    ids=["no key", "key forgotten early", "reference not unique", "changed body accepted", "found late", "never found"],
)
def test_a_claim_that_is_not_kept_is_disproved(start: Start, promised: Manifest, claimed: Manifest, lies: set[str]) -> None:
    report = probed(start(promised), claimed, patience=2.5)

    assert broken(report) == lies, report.broken


def test_a_request_that_takes_effect_after_the_bound_is_found_out(start: Start) -> None:
    books = start(JOURNALS)
    hasty = replace(JOURNALS, in_flight_bound=timedelta(0))
    late = SPECIMENS.of("journal_entry", IN_FLIGHT)
    books.order("slow", reference=late.reference, seconds=2.0)

    impatient = Books(books.url, replace(hasty, send_deadline=timedelta(seconds=0.1)))
    report = conformance(Books(books.url, hasty), SPECIMENS, kind="books", url=books.url, impatient=impatient, patience=60.0)

    # By the true clock a busy machine may make the look-up slow too.
    assert broken(report) - {LAG} == {IN_FLIGHT}
    [(fact, _)] = facts(report, IN_FLIGHT)
    assert "found after" in fact


def test_what_is_disproved_counts_as_absent_for_that_document_type_alone() -> None:
    report = ConformanceReport(SYSTEM, "books", "", "", ())
    lie = probed_finding(KEY)
    claimed = replace(CLASS_A, batch_size=10)

    left = reduced(claimed, replace(report, findings=(lie,)))

    assert (left.of("journal_entry").capability_class, left.of("customer").capability_class) == ("B", "A")
    assert reduced(CLASS_U, replace(report, findings=(lie,))).of("journal_entry").capability_class == "C"
    assert reduced(claimed, replace(report, findings=(probed_finding(BATCH),))).batch_size == 1
    assert reduced(claimed, replace(report, findings=(probed_finding(LAG),))).of("journal_entry").look_up_lag is None


def test_without_a_look_up_copies_are_counted_by_their_ids(start: Start) -> None:
    blind = replace(CLASS_C, document_types=("journal_entry",))

    report = probed(start(blind), blind)

    assert not report.broken
    [(fact, verdict)] = facts(report, KEY)
    assert verdict is Verdict.NOTED
    assert fact.startswith("2 there")


def test_a_document_type_without_a_specimen_stays_unproven(start: Start) -> None:
    report = probed(start(JOURNALS), replace(JOURNALS, document_types=("usage_report",)))

    assert [finding.verdict for finding in report.findings] == [Verdict.UNPROVEN]


def probed_finding(probe: str) -> Finding:
    return Finding("journal_entry", probe, "", "", Verdict.BROKEN)


def test_a_specimen_that_is_refused_proves_nothing(start: Start) -> None:
    books = start(SHORT_KEY)
    for name in (KEY, SIMULTANEOUS):
        books.order("reject", times=2, reference=SPECIMENS.of("journal_entry", name).reference)

    report = probed(books, SHORT_KEY)

    assert not report.broken, report.broken
    assert {verdict for name in (KEY, SIMULTANEOUS) for _, verdict in facts(report, name)} == {Verdict.UNPROVEN}
