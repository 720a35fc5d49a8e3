"""What the poster writes into the register: batches of write-aheads and of results, one transaction each."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting import notices
from reverse_etl.posting.protocol.admission import SUPERSEDED, admitted, stands
from reverse_etl.posting.protocol.facts import Change, Intent, Refused, WrittenAhead
from reverse_etl.progress import Course
from reverse_etl.register import Lane, NewException, Register
from reverse_etl.register.records.deliveries import REVERSAL

LOG = logging.getLogger(__name__)

NOTCHES = (State.POSTED, State.VERIFIED, State.REJECTED, State.PARKED)
"""The states that a push counts as one more step of a document's way."""


class DeliveryBook:
    """One lane's deliveries in the register. ``course`` is told of every document that got somewhere."""

    def __init__(self, register: Register, lane: Lane, correlation_id: str, course: Course | None = None) -> None:
        self._register = register
        self._lane = lane
        self._correlation_id = correlation_id
        self._course = course

    def write_ahead(self, intents: Sequence[Intent]) -> tuple[list[WrittenAhead], list[Refused]]:
        """Make intents durable, each only if the lane is ours, its period takes postings, its key still holds and nobody changed the document.

        Raises:
            LaneBusyError: another poster took the lane.
        """
        crash_point(CrashPoint.BEFORE_WRITE_AHEAD)
        accepted: list[WrittenAhead] = []
        refused: list[Refused] = []
        with self._register.delivering(self._lane, self._correlation_id) as transaction:
            current = transaction.deliveries([intent.document.position for intent in intents])
            for intent in intents:
                document = intent.document
                verdict = admitted(
                    intent,
                    current.get(document.position),
                    epoch=self._lane.epoch,
                    lane_epoch=transaction.epoch,
                    period_status=transaction.period_status(document.entity, document.period),
                    now=transaction.now,
                )
                if verdict == SUPERSEDED:
                    transaction.require_ownership()
                if isinstance(verdict, str):
                    refused.append(Refused(intent, verdict))
                    continue
                position = transaction.append_call(document, intent.call, intent.generation, intent.idempotency_key, intent.request)
                transaction.save(intent.delivery, verdict)
                accepted.append(WrittenAhead(intent, verdict, position))
            crash_point(CrashPoint.INSIDE_WRITE_AHEAD)
        crash_point(CrashPoint.AFTER_WRITE_AHEAD)
        return accepted, refused

    def record(self, changes: Sequence[Change]) -> list[Change]:
        """Record results and new states; returns the changes that stand. A reversal that is posted makes what it takes back reversed."""
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
                if not stands(change, current[position], owned=transaction.owned):
                    continue
                transaction.save(current[position], change.after)
                standing.append(change)
                if change.after.state is State.POSTED and change.document.cause == REVERSAL:
                    for reversed_position, (business_key, delivery) in transaction.reverse(change.document).items():
                        current[reversed_position] = delivery
                        reversed_keys.append(business_key)
            stopped = [(change.document, exception) for change in standing for exception in change.exceptions]
            for _, exception in stopped:
                transaction.record_exception(exception)
            verified = [change.document.business_key for change in standing if change.after.state is State.VERIFIED and not change.exceptions]
            if verified:
                transaction.resolve_exceptions(notices.ENDED_BY_VERIFICATION, verified, "verified at the destination")
            if reversed_keys:
                transaction.resolve_exceptions(notices.ENDED_BY_VERIFICATION, reversed_keys, "reversed")
            crash_point(CrashPoint.INSIDE_RESULT)
        crash_point(CrashPoint.AFTER_RESULT)
        _tell(stopped)
        if reversed_keys:
            crash_point(CrashPoint.BETWEEN_REVERSAL_AND_REPOST)
        if any(change.after.state is State.POSTED for change in standing):
            crash_point(CrashPoint.AFTER_POSTED)
        if self._course is not None:
            self._course.advance(sum(change.after.state in NOTCHES for change in standing))
        return standing


def _tell(stopped: Sequence[tuple[SealedDocument, NewException]]) -> None:
    for document, exception in stopped:
        # The reason may quote the document: it is a detail of its sensitivity.
        about = {"entity": document.entity, "period": document.period, "destination": document.system, "document": document.reference}
        LOG.warning(
            "%s at %s: %s %s of %s %s",
            exception.kind,
            document.system,
            document.document_type,
            document.reference,
            document.entity,
            document.period,
            extra={**about, "detail": exception.reason, "sensitivity": document.sensitivity},
        )
