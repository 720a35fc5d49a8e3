"""What is in the exception queue, and in which order: the most money at risk first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import groupby

from dagster_project.checklist.step import Evidence, Money

SHOWN_SUBJECTS = 12


@dataclass(frozen=True, slots=True)
class AttemptMade:
    """One call to the destination, and what came of it: posted, rejected, absent and the like, or unknown."""

    at: datetime
    call: str
    outcome: str
    reason: str | None
    remote_id: str | None


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One thing that a person must look at. ``kind``: what it is in a word or two. ``count``: how many alike there are, ``subjects``: the first.

    ``commands``: what to run, most likely first. ``since``: when it began, as far as anybody knows. ``link``: its page at its destination.
    """

    kind: str
    subject: str
    reason: str
    what_to_do: str
    owner: str
    commands: tuple[str, ...] = ()
    entity: str | None = None
    period: str | None = None
    system: str | None = None
    money: Money | None = None
    since: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    attempts: tuple[AttemptMade, ...] = ()
    link: str | None = None
    count: int = 1
    subjects: tuple[str, ...] = ()

    def age(self, now: datetime) -> timedelta | None:
        return max(now - self.since, timedelta()) if self.since else None


@dataclass(frozen=True, slots=True)
class Rates:
    """What one minor unit of a currency is worth in minor units of ``currency``, at the last approved rates up to ``as_of``: for the order alone, and
    for no amount that is shown."""

    currency: str
    as_of: str | None = None
    by_currency: Mapping[str, Fraction] = field(default_factory=dict)

    def comparable(self, money: Money) -> Fraction | None:
        """None where no rate says what it is worth."""
        rate = Fraction(1) if money.currency == self.currency else self.by_currency.get(money.currency)
        return None if rate is None else abs(money.minor) * rate


@dataclass(frozen=True, slots=True)
class ExceptionQueue:
    """``unrated``: currencies that no rate compares with the others; what is in them stands first, for its risk is not known to be small."""

    company: str
    generated_at: datetime
    published_at: datetime | None
    register_position: int
    rates: Rates
    items: tuple[QueueItem, ...]

    @property
    def at_risk(self) -> tuple[Money, ...]:
        return totals(item.money for item in self.items if item.money)

    @property
    def unrated(self) -> tuple[str, ...]:
        return tuple(sorted({item.money.currency for item in self.items if item.money and self.rates.comparable(item.money) is None}))


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Absolute amounts added up by currency, never across."""
    ordered = sorted((money for money in amounts), key=lambda money: money.currency)
    return tuple(
        Money(sum(abs(money.minor) for money in group), currency, group[0].exponent)
        for currency, group in ((name, list(found)) for name, found in groupby(ordered, key=lambda money: money.currency))
    )


def ordered(items: Sequence[QueueItem], rates: Rates) -> tuple[QueueItem, ...]:
    """By money at risk; of the same, what has waited longest."""

    def place(item: QueueItem) -> tuple[int, Fraction, float, str]:
        comparable = rates.comparable(item.money) if item.money and item.money.minor else None
        known = 2 if not item.money or not item.money.minor else 0 if comparable is None else 1
        return known, -(comparable or Fraction(0)), item.since.timestamp() if item.since else float("inf"), item.subject

    return tuple(sorted(items, key=place))


def gathered(items: Sequence[QueueItem]) -> list[QueueItem]:
    """What is alike in everything but its subject, and has no money of its own, as one item: a queue is read by people."""
    alike: dict[tuple[object, ...], list[QueueItem]] = {}
    for item in items:
        key = (item.kind, item.entity, item.period, item.reason, item.what_to_do) if item.money is None and not item.attempts else (id(item),)
        alike.setdefault(key, []).append(item)
    return [_one(found) if len(found) > 1 else found[0] for found in alike.values()]


def _one(found: Sequence[QueueItem]) -> QueueItem:
    first = found[0]
    return replace(
        first,
        subject=f"{len(found):,} alike, the first {first.subject}",
        since=min((item.since for item in found if item.since), default=None),
        count=sum(item.count for item in found),
        subjects=tuple(item.subject for item in found[:SHOWN_SUBJECTS]),
    )
