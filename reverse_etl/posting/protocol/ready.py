"""Which documents go next: what has begun is finished first, and what has not waits its turn by type and period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.register.records.deliveries import Delivery


@dataclass(slots=True)
class Tracked:
    """A document of a run. ``left``: nothing more is done about it in this run."""

    document: SealedDocument
    delivery: Delivery
    calls: tuple[str, ...] = ()
    replies: dict[str, Any] = field(default_factory=dict)
    requests: dict[tuple[str, int], bytes] = field(default_factory=dict)
    due: datetime | None = None
    attempts: int = 0
    left: bool = False


class Ready:
    """Documents whose next call may be sent.

    Begun documents go first, those with the fewest calls to go before others: the fewer are half done, the less a crash leaves to find out.
    Among the others, document types take turns request by request, and the periods of a type document by document.
    """

    def __init__(self) -> None:
        self._begun: _Groups = {}
        self._fresh: _Groups = {}

    def __bool__(self) -> bool:
        return bool(self._begun or self._fresh)

    def add(self, item: Tracked, call: str) -> None:
        groups = self._begun if item.delivery.completed or item.delivery.doubt else self._fresh
        periods = groups.setdefault((item.document.document_type, call), {})
        periods.setdefault(item.document.period, {})[item.document.position] = item

    def take(self, requests: int, size: int) -> list[Tracked]:
        """Documents for so many requests of at most ``size`` calls of one type and name each."""
        taken: list[Tracked] = []
        for groups in (self._begun, self._fresh):
            while groups and requests > 0:
                key = min(groups, key=lambda key: _calls_missing(groups[key])) if groups is self._begun else next(iter(groups))
                periods = groups.pop(key)
                taken.extend(_in_turn(periods, size))
                if periods:
                    groups[key] = periods
                requests -= 1
        return taken


_Periods = dict[str, dict[int, Tracked]]
_Groups = dict[tuple[str, str], _Periods]


def _in_turn(periods: _Periods, size: int) -> Iterator[Tracked]:
    for _ in range(size):
        period = next(iter(periods), None)
        if period is None:
            return
        items = periods.pop(period)
        position = next(iter(items))
        yield items.pop(position)
        if items:
            periods[period] = items


def _calls_missing(periods: _Periods) -> int:
    first = next(iter(next(iter(periods.values())).values()))
    return len(first.calls) - len(first.delivery.completed)
