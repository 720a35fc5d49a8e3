"""What a person must look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reverse_etl.register.records.storable import make_storable

LOST = "posted_before_restoration"
"""The kind of exception about what a destination holds and a register put back from a backup does not; ends when it is verified again."""


@dataclass(frozen=True, slots=True)
class NewException:
    """Something a person must look at: what happened (``reason``) and what to do (``action``)."""

    kind: str
    subject: str
    reason: str
    action: str
    entity: str | None = None
    period: str | None = None
    source: str | None = None
    file_name: str | None = None
    line_number: int | None = None
    document_position: int | None = None

    def __post_init__(self) -> None:
        make_storable(self)


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    position: int
    kind: str
    subject: str
    reason: str
    action: str
    entity: str | None
    period: str | None
    source: str | None
    file_name: str | None
    line_number: int | None
    document_position: int | None
    recorded_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None

    @property
    def state(self) -> str:
        return "open" if self.resolved_at is None else "resolved"
