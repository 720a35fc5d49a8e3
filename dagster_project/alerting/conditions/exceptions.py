"""What stopped for a person: documents, lines, rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from dagster_project.alerting.conditions.words import amounts, entity_or_none, listing, sentence
from dagster_project.alerting.facts import Facts
from dagster_project.quantities import counted
from reverse_etl.alerting import Alert, AlertKind, Severity
from reverse_etl.alerting.alert import money_at_risk
from reverse_etl.documents import State
from reverse_etl.posting import notices
from reverse_etl.register.records.exceptions import LOST
from reverse_etl.register.register import SEAL_REFUSED

TITLES = {
    notices.REJECTED: "rejected documents",
    notices.PARKED: "parked documents",
    notices.DEPENDENCY: "documents that wait for a stopped one",
    notices.PERIOD: "documents of a closed posting period",
    SEAL_REFUSED: "documents that were not sealed",
}
SEVERITIES = {notices.REJECTED: Severity.ERROR, notices.PARKED: Severity.ERROR, notices.PERIOD: Severity.ERROR}
ELSEWHERE = frozenset({notices.DIFFERENCE, LOST, notices.UNAVAILABLE})
"""Kinds that are drift, or a degraded mode."""
TABLES = frozenset({"missing_tax_rate", "refused_tax_rate", "missing_exchange_rate"})
"""Reasons of holds that a whole table of reference data is missing for: degraded, not one line's matter."""
DOUBT_AFTER = timedelta(hours=1)
"""Since it was sealed: what a push under way is just sending is in flight too."""


def document_exceptions(facts: Facts) -> Iterator[Alert]:
    """One alert per kind, destination, entity and period; it names the first documents and their reasons."""
    groups: dict[tuple[str, str, str | None, str | None], list[int]] = {}
    entries = [entry for entry in facts.exceptions if entry.kind not in ELSEWHERE]
    for place, entry in enumerate(entries):
        known = None if entry.document_position is None else facts.documents.get(entry.document_position)
        system = known[0] if known is not None else ""
        groups.setdefault((entry.kind, system, entry.entity, entry.period), []).append(place)
    for (kind, system, entity, period), places in groups.items():
        members = [entries[place] for place in places]
        documents = {entry.document_position for entry in members if entry.document_position in facts.documents}
        title = TITLES.get(kind, kind.replace("_", " "))
        first = members[0]
        one = f"tieout exceptions show {first.position}" if len(members) == 1 or first.document_position is not None else "tieout exceptions"
        said = [f"{entry.subject}: {entry.reason}" for entry in members]
        yield Alert(
            AlertKind.EXCEPTIONS,
            SEVERITIES.get(kind, Severity.WARNING),
            f"{title} at {system}" if system else title,
            sentence(f"{counted(len(members), 'exception')} of kind {kind}: {listing(said)}"),
            min(entry.recorded_at for entry in members),
            entity=entity,
            period=period,
            at_risk=money_at_risk((facts.documents[position][1:] for position in documents if position is not None), facts.exponents),
            next_command=one,
            count=len(members),
        )


def documents_in_doubt(facts: Facts) -> Iterator[Alert]:
    """Documents of which nobody knows for some time whether they are at their destination; the next push finds out."""
    doubtful = [one for one in facts.waiting if one.state in (State.AMBIGUOUS, State.IN_FLIGHT) and facts.now - one.oldest_sealed_at > DOUBT_AFTER]
    for system, entity, period in sorted({(one.system, one.entity, one.period) for one in doubtful}):
        members = [one for one in doubtful if (one.system, one.entity, one.period) == (system, entity, period)]
        documents = sum(one.documents for one in members)
        yield Alert(
            AlertKind.EXCEPTIONS,
            Severity.WARNING,
            f"documents in doubt at {system}",
            f"{counted(documents, 'document')} sent to {system} had no answer, and nobody knows yet whether {system} has "
            f"{'it' if documents == 1 else 'them'}; a push looks before it sends again",
            min(one.oldest_sealed_at for one in members),
            entity=entity,
            period=period,
            at_risk=money_at_risk(((one.currency, one.total_minor) for one in members), facts.exponents),
            next_command=f"tieout push {period} --entity {entity} --destination {system}",
            count=documents,
        )


def held_lines(facts: Facts) -> Iterator[Alert]:
    """Lines of an ended month that are held, by reason. Where a whole table is missing the close goes on without what needs it: a degraded mode."""
    for held in facts.held:
        is_table = held.reason in TABLES
        are = "is" if held.lines == 1 else "are"
        of = f"{counted(held.lines, 'line')} of {counted(held.customers, 'customer')}"
        where = f" in {', '.join(held.countries)}" if held.countries else ""
        said = f"{of}{where} {are} held, not billed" if is_table else f"{of} {are} not billed"
        yield Alert(
            AlertKind.DEGRADED if is_table else AlertKind.EXCEPTIONS,
            Severity.ERROR if is_table else Severity.WARNING,
            held.reason.replace("_", " ") if is_table else f"held lines: {held.reason}",
            sentence(f"{held.meaning}: {said}. To do: {held.what_to_do}"),
            held.since,
            entity=held.entity,
            period=held.period,
            at_risk=amounts(held.amounts, facts.exponents),
            next_command=f"tieout preview {held.period}",
            count=held.lines,
        )


def listed_rows(facts: Facts) -> Iterator[Alert]:
    for listed in facts.listed:
        yield Alert(
            AlertKind.EXCEPTIONS,
            Severity.WARNING,
            listed.subject,
            sentence(listed.cause),
            listed.since,
            entity=entity_or_none(listed.entity),
            period=listed.period,
            at_risk=amounts(listed.amounts, facts.exponents),
            next_command=listed.next_command,
            count=listed.rows,
        )
