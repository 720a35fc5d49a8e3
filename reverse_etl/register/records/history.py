"""The register itself: whether its chain holds, and that it was put back from a backup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The result of recomputing the chain. ``first_broken`` is the first position that does not hold, with the reason."""

    positions: int
    head_hash: str
    first_broken: int | None
    reason: str | None

    @property
    def intact(self) -> bool:
        return self.first_broken is None


@dataclass(frozen=True, slots=True)
class Restoration:
    """When a backup was taken into use, and the first epoch that lanes are claimed under since."""

    at: datetime
    first_epoch: int
