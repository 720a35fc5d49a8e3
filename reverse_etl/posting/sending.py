"""What the worker threads do: one request or one look-up each. They touch neither the register nor the poster's state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.pacing.clock import machine_now
from reverse_etl.posting.protocol import LookedUp, Unreadable
from reverse_etl.posting.protocol.effects import LookUpBatch
from reverse_etl.posting.protocol.facts import Found, NotSent, Sent, WrittenAhead
from reverse_etl.posting.protocol.outcomes import by_key
from reverse_etl.systems.contract import Ambiguous, Call, NotExecuted, Outcome, RemoteDocument, System
from reverse_etl.transport import tracing


def send(system: System, pace: Pace, calls: tuple[WrittenAhead, ...], deadline: float) -> Sent:
    """Send one batch once, unless its turn comes after ``deadline`` (a time of ``machine_now``)."""
    with pace.turn(time.monotonic() + deadline - machine_now()) as granted:
        if not granted:
            return _not_sent(calls)
        return _sent(system, pace, calls, deadline)


def _not_sent(calls: tuple[WrittenAhead, ...]) -> Sent:
    reason = NotSent("not sent: its turn did not come within the send deadline of its write-ahead")
    return Sent(calls, (reason,) * len(calls), time.monotonic())


def _sent(system: System, pace: Pace, calls: tuple[WrittenAhead, ...], deadline: float) -> Sent:
    crash_point(CrashPoint.BEFORE_SEND)
    started = time.monotonic()
    # Whatever held this process up since its turn, sleep included, counts.
    left = deadline - machine_now()
    if left < 0:
        return _not_sent(calls)
    until = started + left
    requests = [
        Call(c.intent.document, c.intent.call, c.intent.generation, c.intent.idempotency_key, c.intent.request, until, c.call_position) for c in calls
    ]
    outcomes: Mapping[str, Outcome]
    try:
        with tracing.sending(requests):
            outcomes = system.send(requests)
    except Exception as error:
        # A system that breaks its promise never to raise must not make anybody believe that nothing was sent.
        outcomes = {request.idempotency_key: Ambiguous(f"{type(error).__name__}: {error}") for request in requests}
    crash_point(CrashPoint.AFTER_SEND)
    found = by_key(calls, outcomes)
    asked = max((outcome.retry_after or 0.0 for outcome in found if isinstance(outcome, NotExecuted)), default=0.0)
    if asked:
        pace.pause(asked)
    return Sent(calls, found, started)


def look_up(system: System, pace: Pace, batch: LookUpBatch, deadline: float, clock: Callable[[], datetime]) -> Found:
    """Look some documents up and compare those that are there completely."""
    documents = batch.documents
    with pace.turn(deadline, sending=False) as granted:
        if not granted:
            return Found(documents, {document.position: Unreadable("the destination allowed no look-up in time") for document in documents})
        asked = clock()
        try:
            remote = system.look_up(documents, batch.hints)
        except DestinationError as error:
            return Found(documents, {document.position: Unreadable(str(error)) for document in documents})
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            return Found(documents, {document.position: Unreadable(reason) for document in documents})
    crash_point(CrashPoint.AFTER_LOOK_UP)
    events: dict[int, LookedUp | Unreadable] = {}
    for document in documents:
        found = remote.get(document.reference)
        complete = found is not None and all(call in found.completed for call in batch.calls[document.position])
        different = differences_of(system, document, found) if found is not None and complete else ()
        events[document.position] = LookedUp(found, asked, batch.since, different)
    return Found(documents, events)


def differences_of(system: System, document: SealedDocument, remote: RemoteDocument) -> tuple[str, ...]:
    """What the system finds different; an object it cannot even compare is different."""
    try:
        return system.differences(document, document.number, remote)
    except Exception as error:
        return (f"cannot be compared: {type(error).__name__}: {error}",)
