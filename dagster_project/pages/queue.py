"""What is in the exception queue, and in which order: the most money at risk first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import groupby

from dagster_project.checklist.step import Evidence, Money

SHOWN_SUBJECTS = 12
SHOWN_ITEMS = 50
"""More than a person settles in a day, and fourteen pages on paper. What is below it is counted and summed, so no money leaves the page."""


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
    ``listed_by``: the command that lists all of its kind, ``relation``: where the warehouse has them. ``position``: of its document in the register.
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
    listed_by: str | None = None
    relation: str | None = None
    position: int | None = None

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
    """``unrated``: currencies that no rate compares with the others; what is in them stands first, for its risk is not known to be small.

    ``names``: the legal entities of the installation. ``left_out``: by another legal entity, how many exceptions the warehouse has of it.
    """

    company: str
    generated_at: datetime
    published_at: datetime | None
    register_position: int
    rates: Rates
    items: tuple[QueueItem, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return counted(self.items)

    @property
    def at_risk(self) -> tuple[Money, ...]:
        return totals(item.money for item in self.items if item.money)

    @property
    def unrated(self) -> tuple[str, ...]:
        amounts = [item.money for item in self.items if item.money]
        if len({money.currency for money in amounts}) < 2:
            return ()
        return tuple(sorted({money.currency for money in amounts if self.rates.comparable(money) is None}))


@dataclass(frozen=True, slots=True)
class Rest:
    """What is not shown one by one of a legal entity, kind and currency: how many, the money in them, since when."""

    kind: str
    entity: str | None
    count: int
    money: Money | None
    since: datetime | None
    listed_by: str | None
    relation: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """The queue of one legal entity, or of none (``entity`` None): all of its items, those that are shown, and the rest of them."""

    entity: str | None
    items: tuple[QueueItem, ...]
    shown: tuple[QueueItem, ...]
    rest: tuple[Rest, ...]


def counted(items: Iterable[QueueItem]) -> int:
    return sum(item.count for item in items)


def oldest(items: Iterable[QueueItem]) -> datetime | None:
    return min((item.since for item in items if item.since), default=None)


def selected(items: Sequence[QueueItem]) -> tuple[QueueItem, ...]:
    """Those that are shown of a queue in its order: the first, and of every kind of every legal entity at least one, so that nobody overlooks it."""
    seen: set[tuple[str | None, str]] = set()
    shown = []
    for place, item in enumerate(items):
        if place < SHOWN_ITEMS or (item.entity, item.kind) not in seen:
            shown.append(item)
            seen.add((item.entity, item.kind))
    return tuple(shown)


def rest_of(items: Sequence[QueueItem], shown: Sequence[QueueItem]) -> tuple[Rest, ...]:
    """Every item that is not ``shown``, in the order of the queue by what is first of each."""
    there = {id(item) for item in shown}
    groups: dict[tuple[str | None, str, str | None], list[QueueItem]] = {}
    for item in items:
        if id(item) not in there:
            groups.setdefault((item.entity, item.kind, item.money.currency if item.money else None), []).append(item)
    return tuple(_rest(found) for found in groups.values())


def sections(items: Sequence[QueueItem]) -> tuple[Section, ...]:
    """By legal entity, the one whose first item stands first in the queue first; what is of none comes last."""
    shown = selected(items)
    there = {id(item) for item in shown}
    found: dict[str | None, list[QueueItem]] = {}
    for item in items:
        found.setdefault(item.entity, []).append(item)
    of_each = []
    for entity, own in sorted(found.items(), key=lambda pair: pair[0] is None):
        its = tuple(item for item in own if id(item) in there)
        of_each.append(Section(entity, tuple(own), its, rest_of(own, its)))
    return tuple(of_each)


def by_kind(items: Sequence[QueueItem]) -> dict[str, list[QueueItem]]:
    """In the order of the queue by what is first of each kind."""
    found: dict[str, list[QueueItem]] = {}
    for item in items:
        found.setdefault(item.kind, []).append(item)
    return found


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
        if item.money is None or not item.money.minor:
            known, risk = 2, Fraction(0)
        else:
            comparable = rates.comparable(item.money)
            # Units of different currencies are no order of risk, but the best there is without a rate.
            known, risk = (0, Fraction(abs(item.money.minor), 10**item.money.exponent)) if comparable is None else (1, comparable)
        return known, -risk, item.since.timestamp() if item.since else float("inf"), item.subject

    return tuple(sorted(items, key=place))


def gathered(items: Sequence[QueueItem]) -> list[QueueItem]:
    """What is alike in everything but its subject, and has no money of its own, as one item: a queue is read by people."""
    alike: dict[tuple[object, ...], list[QueueItem]] = {}
    for item in items:
        key = (item.kind, item.entity, item.period, item.reason, item.what_to_do) if item.money is None else (id(item),)
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


def _rest(found: Sequence[QueueItem]) -> Rest:
    first = found[0]
    money = totals(item.money for item in found if item.money)
    return Rest(first.kind, first.entity, counted(found), money[0] if money else None, oldest(found), first.listed_by, first.relation)
