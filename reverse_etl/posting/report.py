"""What a push did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PushReport:
    """Documents of one destination and entity: what this push made of them, and what remains.

    ``posted`` and ``verified``: documents that became so in this push. ``rejected`` and ``parked``: documents that this push stopped.
    ``ambiguous`` and ``pending``: documents that are left for a later one. ``withheld``: why nothing (more) was sent, where that was not for lack of
    documents; ``withheld_until``: when it goes on by itself. ``planned_before``: documents of the plan, where all were delivered before.
    ``by_document_type``: document type -> state -> documents, at the end.
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
    planned_before: int = 0

    def __str__(self) -> str:
        if self.planned_before:
            return f"nothing left to do: the {self.planned_before} documents of the plan are delivered"
        held = f"; {self.withheld}" if self.withheld else ""
        return f"{self.counts()}{held}"

    def counts(self) -> str:
        """What became of the documents, without the words of the destination."""
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
        return f"{', '.join(counts)} ({self.requests} requests in {self.seconds:.1f} s)"
