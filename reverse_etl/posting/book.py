"""What the poster writes into the register: batches of write-aheads and of results, one transaction each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting import notices
from reverse_etl.posting.protocol import DELIVERED_STATES, written_ahead
from reverse_etl.register import Delivery, Lane, NewException, Register
from reverse_etl.register.contract import MASTER_DATA
from reverse_etl.register.records import REVERSAL

FINAL_STATES = (*DELIVERED_STATES, State.REVERSED)
PERIOD_CLOSED, KEY_EXPIRED, CHANGED = "period_closed", "key_expired", "changed"


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
    exceptions: tuple[NewException, ...] = field(default=())


class DeliveryBook:
    """One lane's deliveries in the register."""

    def __init__(self, register: Register, lane: Lane, correlation_id: str) -> None:
        self._register = register
        self._lane = lane
        self._correlation_id = correlation_id

    def write_ahead(self, intents: Sequence[Intent]) -> tuple[list[WrittenAhead], list[Refused]]:
        """Make intents durable, each only if the lane is ours, its period takes postings, its key still holds and nobody changed the document.

        Raises:
            LaneBusyError: another poster took the lane.
        """
        crash_point(CrashPoint.BEFORE_WRITE_AHEAD)
        accepted: list[WrittenAhead] = []
        refused: list[Refused] = []
        with self._register.delivering(self._lane, self._correlation_id) as transaction:
            transaction.require_ownership()
            current = transaction.deliveries([intent.document.position for intent in intents])
            for intent in intents:
                document = intent.document
                if current.get(document.position) != intent.delivery:
                    refused.append(Refused(intent, CHANGED))
                elif document.document_type not in MASTER_DATA and not transaction.period_allows_posting(document.entity, document.period):
                    refused.append(Refused(intent, PERIOD_CLOSED))
                elif intent.not_after is not None and transaction.now > intent.not_after:
                    refused.append(Refused(intent, KEY_EXPIRED))
                else:
                    after = written_ahead(intent.delivery, transaction.now, self._lane.epoch)
                    position = transaction.append_call(document, intent.call, intent.generation, intent.idempotency_key, intent.request)
                    transaction.save(intent.delivery, after)
                    accepted.append(WrittenAhead(intent, after, position))
            crash_point(CrashPoint.INSIDE_WRITE_AHEAD)
        crash_point(CrashPoint.AFTER_WRITE_AHEAD)
        return accepted, refused

    def record(self, changes: Sequence[Change]) -> list[Change]:
        """Record results and new states; returns the changes that stand.

        Results are facts and always kept. Success counts whoever records it; every other state needs the lane and an unchanged delivery. A
        reversal that is posted makes what it takes back reversed.
        """
        if not changes:
            return []
        standing: list[Change] = []
        reversed_keys: list[str] = []
        with self._register.delivering(self._lane, self._correlation_id) as transaction:
            current = transaction.deliveries([change.document.position for change in changes])
            for change in changes:
                position = change.document.position
                for result in change.results:
                    transaction.append_result(
                        position,
                        result.call,
                        result.generation,
                        result.outcome,
                        call_position=result.call_position,
                        reason=result.reason,
                        remote_id=result.remote_id,
                        reply=result.reply,
                    )
                row = current[position]
                ours = transaction.owned and row == change.before
                success = change.after.state is State.POSTED and row.state not in FINAL_STATES
                if success or (ours and (row.state not in FINAL_STATES or change.after.state in DELIVERED_STATES)):
                    transaction.save(row, change.after)
                    standing.append(change)
                    if success and change.document.cause == REVERSAL:
                        for reversed_position, (business_key, delivery) in transaction.reverse(change.document).items():
                            current[reversed_position] = delivery
                            reversed_keys.append(business_key)
            for exception in (exception for change in standing for exception in change.exceptions):
                transaction.record_exception(exception)
            verified = [change.document.business_key for change in standing if change.after.state is State.VERIFIED]
            if verified:
                transaction.resolve_exceptions(notices.ENDED_BY_VERIFICATION, verified, "verified at the destination")
            if reversed_keys:
                transaction.resolve_exceptions(notices.ENDED_BY_VERIFICATION, reversed_keys, "reversed")
            crash_point(CrashPoint.INSIDE_RESULT)
        crash_point(CrashPoint.AFTER_RESULT)
        if reversed_keys:
            crash_point(CrashPoint.BETWEEN_REVERSAL_AND_REPOST)
        if any(change.after.state is State.POSTED for change in standing):
            crash_point(CrashPoint.AFTER_POSTED)
        return standing
