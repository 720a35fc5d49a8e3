"""Sealed documents, and where each stands at its destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.register.records.storable import storable

STALE_HEAD = "stale_head"
WRONG_INCARNATION = "wrong_incarnation"
CLOSED_PERIOD = "closed_period"
CONTRACT = "contract"
NOT_APPROVED = "not_approved"

REVERSAL, REPOSTING = "misposting_reversed", "misposting_reposted"
CORRECTION_CAUSES = (REVERSAL, REPOSTING)
"""The causes of the two documents that correct a misposting; only an approved request seals them."""
REVERSED_REFERENCE = "reverses_reference"
"""The member of a reversal's payload that names the external reference of what it takes back."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An outbox row that was not sealed. ``code`` is stale_head, wrong_incarnation, closed_period, not_approved or contract."""

    row: OutboxRow
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class SealReport:
    sealed: tuple[SealedDocument, ...]
    unchanged: tuple[SealedDocument, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A sealed document with what only the register knows. ``payload_json`` is the canonical JSON that was sealed."""

    document: SealedDocument
    series: str | None
    subtracted_key: str
    register_head: int
    payload_json: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a document has come at its destination.

    ``generation`` rises only after proven absence. ``completed``: calls that took effect, in order of discovery.
    ``written_ahead_at``: an attempt is outstanding since then. ``first_written_at``: first write-ahead of the current call and
    generation (its key's retention counts from here). ``doubt``: an earlier attempt of that call may have taken effect.
    ``resend_exhausted``: sending again proves nothing more. ``believable_at``: from when on "absent" is believed.
    ``resolutions``: inconclusive resolutions so far. ``next_attempt_at``: not to be tried before.
    """

    document_position: int
    state: State = State.PENDING
    generation: int = 0
    completed: tuple[str, ...] = ()
    written_ahead_at: datetime | None = None
    first_written_at: datetime | None = None
    doubt: bool = False
    resend_exhausted: bool = False
    believable_at: datetime | None = None
    resolutions: int = 0
    next_attempt_at: datetime | None = None
    remote_id: str | None = None
    remote_number: str | None = None
    epoch: int = 0
    reason: str | None = None
    posted_at: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("reason", "remote_id", "remote_number"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, storable(value))


@dataclass(frozen=True, slots=True)
class Standing:
    """What those who depend on a document need to know of it."""

    position: int
    revision: int
    state: State
    remote_id: str | None


@dataclass(frozen=True, slots=True)
class WaitingDocuments:
    """Documents of one lane, period, state and currency that are not at their destination; the total in minor units."""

    system: str
    entity: str
    period: str
    state: State
    currency: str
    documents: int
    total_minor: int
    oldest_sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of one call: the stored request and, once known, what came of it (outcome None = unknown).

    ``correlation_id``: the run or command that sent it, which the request carried to the destination as its trace.
    """

    position: int
    document_position: int
    call_name: str
    generation: int
    idempotency_key: str
    request: bytes
    written_ahead_at: datetime
    correlation_id: str
    epoch: int
    outcome: str | None
    reason: str | None
    remote_id: str | None
    reply: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Transition:
    position: int
    document_position: int
    state: State
    remote_id: str | None
    remote_number: str | None
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Lane:
    """The right to deliver to one destination for one entity, held under an epoch."""

    system: str
    entity: str
    epoch: int
    holder: str
