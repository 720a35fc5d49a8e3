"""What a push did, and what one would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PushReport:
    """Documents of one destination and entity: what this push made of them, and what remains.

    ``posted`` and ``verified``: documents that became so in this push. ``rejected`` and ``parked``: documents that this push stopped.
    ``ambiguous`` and ``pending``: documents that are left for a later one. ``withheld``: why nothing (more) was sent, where that was not for lack of
    documents; ``withheld_until``: when it goes on by itself. ``by_document_type``: document type -> state -> documents, at the end.
    """

    system: str
    entity: str
    posted: int
    verified: int
    rejected: int
    parked: int
    ambiguous: int
    pending: int
    requests: int
    seconds: float
    by_document_type: Mapping[str, Mapping[str, int]]
    withheld: str | None = None
    withheld_until: datetime | None = None

    def __str__(self) -> str:
        counts = [
            f"{count} {name}"
            for name, count in (
                ("posted", self.posted),
                ("verified", self.verified),
                ("rejected", self.rejected),
                ("parked", self.parked),
                ("ambiguous", self.ambiguous),
                ("pending", self.pending),
            )
            if count or name == "posted"
        ]
        held = f"; {self.withheld}" if self.withheld else ""
        return f"{', '.join(counts)} ({self.requests} requests in {self.seconds:.1f} s){held}"


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """What a push would do with one document: create, finish, resolve, verify or nothing (``blocked``, with the reason)."""

    business_key: str
    document_type: str
    number: str | None
    action: str
    reason: str | None
    currency: str
    total_minor: int


@dataclass(frozen=True, slots=True)
class Plan:
    """``totals``: action -> currency -> (documents, total of minor units)."""

    system: str
    entity: str
    documents: tuple[PlannedDocument, ...]

    @property
    def totals(self) -> Mapping[str, Mapping[str, tuple[int, int]]]:
        totals: dict[str, dict[str, tuple[int, int]]] = {}
        for document in self.documents:
            currencies = totals.setdefault(document.action, {})
            count, total = currencies.get(document.currency, (0, 0))
            currencies[document.currency] = (count + 1, total + document.total_minor)
        return totals
