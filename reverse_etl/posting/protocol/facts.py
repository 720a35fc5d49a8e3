"""What is written into the register, and what came back from a destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.posting.protocol.delivery import LookedUp, Unreadable
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.register.records.exceptions import NewException
from reverse_etl.systems.contract import Outcome


@dataclass(frozen=True, slots=True)
class Intent:
    """A call about to be sent. ``not_after``: its key may be forgotten if it is written ahead later."""

    document: SealedDocument
    delivery: Delivery
    call: str
    generation: int
    idempotency_key: str
    request: bytes
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class WrittenAhead:
    """An intent that is durable now: it may be sent."""

    intent: Intent
    delivery: Delivery
    call_position: int


@dataclass(frozen=True, slots=True)
class Refused:
    """An intent that must not be sent. ``code``: period_closed, key_expired, changed."""

    intent: Intent
    code: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one call came to. ``outcome``: succeeded, not_executed, rejected, ambiguous, not_sent, or found (by a look-up)."""

    call: str
    generation: int
    outcome: str
    call_position: int | None = None
    reason: str | None = None
    remote_id: str | None = None
    reply: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a delivery, and the results that made it so."""

    document: SealedDocument
    before: Delivery
    after: Delivery
    results: tuple[Result, ...] = ()
    exceptions: tuple[NewException, ...] = ()


@dataclass(frozen=True, slots=True)
class NotSent:
    """The write-ahead was never followed by a request."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What a batch of calls came to, in their order; ``started`` is a time of ``time.monotonic``."""

    calls: tuple[WrittenAhead, ...]
    outcomes: tuple[Outcome | NotSent, ...]
    started: float

    @property
    def left(self) -> bool:
        """Whether a request was made."""
        return not all(isinstance(outcome, NotSent) for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Found:
    """What the look-up of some documents found, by position."""

    documents: tuple[SealedDocument, ...]
    events: Mapping[int, LookedUp | Unreadable]
