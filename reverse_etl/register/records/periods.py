"""Accounting periods: where each stands, and what it held when it was closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reverse_etl.documents import State
from reverse_etl.register.records.approvals import WRITE_OFF

OPEN = "open"
SOFT_CLOSED = "soft_closed"
HARD_CLOSED = "hard_closed"
PERIOD_STATUSES = (OPEN, SOFT_CLOSED, HARD_CLOSED)
# What a seal counts: all documents, those of a type and currency, the lines of an account and currency, and the files that had landed.
ALL_DOCUMENTS, DOCUMENTS, ACCOUNT, LANDED_FILES = "all_documents", "documents", "account", "landed_files"
EVERYTHING = "*"

# The journal entries that a soft closed period still takes: snapshots of its end, and what two people have decided.
SOFT_CLOSE_CAUSES = ("unbilled_receivables_accrued", "receivables_revalued", WRITE_OFF)


@dataclass(frozen=True, slots=True)
class PeriodDocuments:
    """Documents of a legal entity and period by destination, type, state and currency; the total in minor units.

    ``posted_at``: when the last of them took effect at its destination. ``run_id``: the correlation id of the last that was sealed.
    """

    system: str
    document_type: str
    state: State
    currency: str
    documents: int
    total_minor: int
    sealed_at: datetime
    sealed_position: int
    posted_at: datetime | None
    run_id: str


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """``landing_position`` is the cutoff: what had landed when the period closed."""

    position: int
    entity: str
    period: str
    status: str
    landing_position: int | None
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LandedFiles:
    """What had landed when a period closed: the files up to ``position``, and the hash of their positions, names and contents."""

    position: int
    file_count: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class SealMeasure:
    """One measure of what a period holds. ``measure`` is all_documents, documents (``subject``: their type), account (its code: debits less
    credits of its lines) or landed_files."""

    measure: str
    subject: str
    currency: str | None
    item_count: int
    total_minor: int | None = None
    functional_minor: int | None = None
    content_hash: str | None = None

    def __str__(self) -> str:
        named = f"{self.measure} {self.subject}" if self.subject != EVERYTHING else self.measure
        return f"{named} in {self.currency}" if self.currency else named


@dataclass(frozen=True, slots=True)
class PeriodSeal:
    """What a period held when it was closed, and where the register stood then."""

    entity: str
    period: str
    register_position: int
    measures: tuple[SealMeasure, ...]

    @property
    def landed_files(self) -> SealMeasure | None:
        return next((measure for measure in self.measures if measure.measure == LANDED_FILES), None)


@dataclass(frozen=True, slots=True)
class SealBreak:
    """A closed period that is not what was sealed: ``what`` changed, with the value ``sealed`` and the one ``now``."""

    entity: str
    period: str
    what: str
    sealed: str
    now: str

    def __str__(self) -> str:
        return f"J12 {self.entity} {self.period}: {self.what}: {self.sealed} when it was closed, {self.now} now"
