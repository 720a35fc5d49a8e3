"""The re-performance as a whole: files and facts in, months with their differences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from reverse_etl.errors import TieoutError
from reverse_etl.reperformance.bookkeeping import Posted, PostingKey, post
from reverse_etl.reperformance.comparison import Reperformance, Waiting, compare
from reverse_etl.reperformance.events import Event, kept_usage, read_events
from reverse_etl.reperformance.facts import ClosedPeriod, Facts, SealedHeader
from reverse_etl.reperformance.issuing import Document, Issuing
from reverse_etl.reperformance.rating import DueLine, Quantities, due_lines, quantities_of
from reverse_etl.reperformance.references import References, read_references
from reverse_etl.reperformance.scope import not_reperformed, sampled

USAGE = "usage"


class ReperformanceError(TieoutError):
    """There is nothing to re-perform."""


def reperform(
    inbox: Path, facts: Facts, period: str | None = None, entity: str | None = None, sample: int | None = None, seed: str = ""
) -> Reperformance:
    """What the ledger should hold, from the delivered files below ``inbox``, beside what it holds.

    Args:
        period: one month; every month that has documents or is closed where it is None. All months before it are computed with it.
        entity: one legal entity; all where it is None.
        sample: so many customers, chosen by hash; all of their lines are compared.
        seed: another seed chooses other customers.

    Raises:
        ReperformanceError: there is no such month or entity.
        ChangedDeliveryError: a delivered file is not the one that landed.
    """
    delivered = _Delivered(inbox, facts)
    references = delivered.references(delivered.landed)
    # An entity of which nothing was issued has the months of the others: that nothing is there must follow from its files too.
    periods = sorted({header.period for header in facts.sealed} | {closed.period for closed in facts.closed})
    months = [(owner, month) for owner in sorted(references.entities) if entity in (None, owner) for month in periods]
    if not [month for month in months if period in (None, month[1])]:
        raise ReperformanceError(f"nothing was issued or closed in {period or 'any month'} of {entity or 'any legal entity'}; see 'tieout status'")
    left_out = not_reperformed(references, facts)
    chosen = sampled([customer for customer in references.customers if customer not in left_out], sample, seed)
    delivered.customers = chosen
    functional = {name: known.functional_currency for name, known in references.entities.items()}
    waiting: list[Waiting] = []
    expected: dict[PostingKey, Posted] = {}
    for owner in sorted({month[0] for month in months}):
        last = date.fromisoformat(f"{periods[-1]}-01")
        documents, waits = _issued(delivered, facts, owner, last, set(chosen))
        waiting += waits
        expected |= post(documents, facts.settlements, functional, last)
    asked = [month for month in months if period in (None, month[1])]
    return Reperformance(compare(expected, facts.ledger, asked, chosen, left_out), waiting)


def _issued(delivered: _Delivered, facts: Facts, entity: str, last: date, chosen: set[str]) -> tuple[list[Document], list[Waiting]]:
    headers: list[SealedHeader] = [header for header in facts.sealed if header.entity == entity and header.customer_id in chosen]
    closed: list[ClosedPeriod] = [one for one in facts.closed if one.entity == entity]
    issuing = Issuing(delivered.references, delivered.lines_due)
    issuing.replay(entity, headers, closed, delivered.landed)
    # What should have been issued by now and was not waits with its reason, or is missing.
    cutoff = next((one.landing_position for one in closed if one.period == f"{last:%Y-%m}"), delivered.landed)
    reasons = {(held.customer_id, held.line): held.reason for held in facts.held if held.entity == entity}
    missing, waiting = [], []
    for line, minor in issuing.missing(entity, cutoff, last):
        reason = reasons.get((line.customer.customer_id, line.line))
        if reason is None:
            missing.append((line, minor))
        else:
            waiting.append(Waiting(entity, line.customer.customer_id, line.line, line.customer.currency, minor, reason))
    issuing.expect(entity, cutoff, missing)
    return issuing.documents, waiting


class _Delivered:
    """The delivered files, read once, as they stood when landing had come so far."""

    def __init__(self, inbox: Path, facts: Facts) -> None:
        self._inbox, self._files = inbox, facts.files
        self.landed = max((file.position for file in facts.files), default=0)
        self.customers: Sequence[str] = ()
        self._events: list[Event] | None = None
        self._references: dict[int, References] = {}
        self._quantities: dict[int, Quantities] = {}
        self._due: dict[tuple[int, date], Mapping[str, DueLine]] = {}

    def references(self, position: int) -> References:
        last = max((file.position for file in self._files if file.position <= position and file.source != USAGE), default=0)
        if last not in self._references:
            self._references[last] = read_references(self._inbox, [file for file in self._files if file.position <= last and file.source != USAGE])
        return self._references[last]

    def lines_due(self, position: int, until: date) -> Mapping[str, DueLine]:
        if (position, until) not in self._due:
            references = self.references(position)
            self._due[position, until] = due_lines(references, self._usage(position), self.customers, until)
        return self._due[position, until]

    def _usage(self, position: int) -> Quantities:
        if self._events is None:
            self._events = read_events(self._inbox, [file for file in self._files if file.source == USAGE])
        if position not in self._quantities:
            references = self.references(position)
            arrived = [event for event in self._events if event.arrival[0] <= position]
            self._quantities[position] = quantities_of(kept_usage(arrived, references), references)
        return self._quantities[position]
