"""The posting protocol as a pure state machine: no input or output, no clock, no threads.

``next_step`` says what a delivery needs now, ``advance`` what an event makes of it. One resolver for every destination: send the same again
while the destination remembers the key, else look the document up, else stop for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reverse_etl.documents import State
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.register.records.history import Restoration
from reverse_etl.systems.contract import FOREVER, Ambiguous, Manifest, NotExecuted, Outcome, Rejected, RemoteDocument, Succeeded

# A lost answer is usually a short disturbance, and sending again under a remembered key costs nothing.
QUICK_RESENDS = (timedelta(seconds=1), timedelta(seconds=5))
LATER = (timedelta(minutes=5), timedelta(hours=1), *[timedelta(days=1)] * 5)
# By how much the clocks of the machines that push may be wrong, or jump: of a key's retention a tenth, at most this.
LARGEST_CLOCK_ERROR = timedelta(minutes=5)
# What a system may say of a document that nobody can finish without looking at it.
STOPPING_STATUSES = frozenset({"duplicate", "incomplete", "deleted"})
RESTORED = "the register was restored from a backup: what was sent after the backup is unknown"
OPEN_STATES = (State.PENDING, State.IN_FLIGHT, State.AMBIGUOUS)
DELIVERED_STATES = (State.POSTED, State.VERIFIED)


@dataclass(frozen=True, slots=True)
class Send:
    """Write this call ahead and send it. ``not_after``: the destination may have forgotten its key if it is written ahead later."""

    call: str
    generation: int
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the destination what it holds."""


@dataclass(frozen=True, slots=True)
class Wait:
    until: datetime


@dataclass(frozen=True, slots=True)
class Park:
    """Nothing can tell what happened: a person decides."""

    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Delivered, or stopped, or an attempt is outstanding."""


Step = Send | LookUp | Wait | Park | Nothing


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a look-up found that was asked at the time ``asked``, by a process that began ``since``.

    ``differences`` only where every call has taken effect.
    """

    remote: RemoteDocument | None
    asked: datetime
    since: datetime
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The look-up failed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """The process that wrote the outstanding attempt ahead is dead."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The register came from a backup and was taken into use at that time: whatever was sent after the backup was made is unknown."""

    at: datetime


Event = Outcome | LookedUp | Unreadable | Recovered | Restored | Park


def current_call(delivery: Delivery, calls: Sequence[str]) -> str:
    """The first call that has not taken effect; a delivery that is open has one."""
    return next(call for call in calls if call not in delivery.completed)


def waiting_time(manifest: Manifest) -> timedelta:
    """How long after an attempt began "absent" may still mean "not yet there"."""
    return manifest.send_deadline + manifest.in_flight_bound + (manifest.look_up_lag or timedelta(0))


def resend_until(manifest: Manifest, delivery: Delivery) -> datetime | None:
    """Until when the same key may be written ahead again and still be remembered when it arrives; None = for ever."""
    if manifest.key_retention == FOREVER or delivery.first_written_at is None:
        return None
    # Up to one deadline may pass before it is sent, one more until it is given up, and then it may still be on its way.
    arrival = 2 * manifest.send_deadline + manifest.in_flight_bound
    return delivery.first_written_at + manifest.key_retention - arrival - clock_error(manifest.key_retention)


def clock_error(span: timedelta) -> timedelta:
    """How wrong the clocks may be that measure a span across processes."""
    return min(LARGEST_CLOCK_ERROR, span / 10)


def next_step(manifest: Manifest, delivery: Delivery, calls: Sequence[str], now: datetime) -> Step:
    if delivery.state not in OPEN_STATES or delivery.written_ahead_at is not None:
        return Nothing()
    if delivery.next_attempt_at is not None and now < delivery.next_attempt_at:
        return Wait(delivery.next_attempt_at)
    if not delivery.doubt:
        return Send(current_call(delivery, calls), delivery.generation, None)
    if _may_resend(manifest, delivery, now):
        return Send(current_call(delivery, calls), delivery.generation, resend_until(manifest, delivery))
    if manifest.look_up_lag is not None:
        return LookUp()
    return Park(f"it may or may not be there, and {manifest.system} offers no way to find out ({delivery.reason})")


def taken_over(delivery: Delivery, restoration: Restoration | None) -> Recovered | Restored | None:
    """What a poster that takes the lane over must assume of an open delivery."""
    if restoration is not None and delivery.epoch < restoration.first_epoch:
        return Restored(restoration.at)
    return None if delivery.written_ahead_at is None else Recovered()


def written_ahead(delivery: Delivery, now: datetime, epoch: int) -> Delivery:
    """The delivery once an attempt of its current call is written ahead."""
    return replace(
        delivery,
        state=State.IN_FLIGHT,
        written_ahead_at=now,
        first_written_at=delivery.first_written_at or now,
        next_attempt_at=None,
        epoch=epoch,
    )


def advance(manifest: Manifest, delivery: Delivery, calls: Sequence[str], event: Event, now: datetime) -> Delivery:
    """What the event makes of the delivery."""
    match event:
        case Succeeded():
            after = _succeeded(delivery, calls, event, now)
        case NotExecuted():
            after = _not_executed(delivery, event, now)
        case Rejected():
            after = _rejected(manifest, delivery, event, now)
        case Ambiguous():
            after = _in_doubt(manifest, delivery, now, event.reason, answered=True)
        case Recovered():
            after = _in_doubt(manifest, delivery, now, "the process that sent it ended before the answer was recorded", answered=False)
        case Restored():
            after = _unknown_history(manifest, delivery, event, now)
        case LookedUp():
            after = _looked_up(manifest, delivery, calls, event, now)
        case Unreadable():
            after = _inconclusive(manifest, delivery, now, event.reason)
        case Park():
            after = _parked(delivery, event.reason)
    return after


def verified(delivery: Delivery, remote: RemoteDocument) -> Delivery:
    return replace(delivery, state=State.VERIFIED, remote_id=remote.remote_id, remote_number=remote.remote_number, reason=None)


def _succeeded(delivery: Delivery, calls: Sequence[str], event: Succeeded, now: datetime) -> Delivery:
    done = (*delivery.completed, current_call(delivery, calls))
    return _continued(replace(delivery, state=State.IN_FLIGHT, completed=done, remote_id=event.remote_id), calls, now)


def _continued(delivery: Delivery, calls: Sequence[str], now: datetime) -> Delivery:
    """After a call took effect: posted, or ready for the next call."""
    clean = replace(
        delivery,
        written_ahead_at=None,
        first_written_at=None,
        doubt=False,
        resend_exhausted=False,
        believable_at=None,
        resolutions=0,
        next_attempt_at=None,
        reason=None,
    )
    return replace(clean, state=State.POSTED, posted_at=now) if len(clean.completed) == len(calls) else clean


def _not_executed(delivery: Delivery, event: NotExecuted, now: datetime) -> Delivery:
    due = None if event.retry_after is None else now + timedelta(seconds=event.retry_after)
    after = replace(delivery, written_ahead_at=None, next_attempt_at=due, reason=event.reason)
    # This attempt did nothing, but an earlier one of the same call may have.
    if delivery.doubt:
        return replace(after, state=State.AMBIGUOUS)
    return replace(after, state=State.PENDING, first_written_at=None)


def _rejected(manifest: Manifest, delivery: Delivery, event: Rejected, now: datetime) -> Delivery:
    if not delivery.doubt:
        return replace(delivery, state=State.REJECTED, written_ahead_at=None, next_attempt_at=None, reason=event.reason)
    # The refusal may be about what the earlier attempt left there, so it does not prove that nothing is there.
    reason = f"an earlier attempt may have succeeded, this one was refused: {event.reason}"
    if manifest.look_up_lag is None:
        return _parked(delivery, reason)
    return replace(
        delivery,
        state=State.AMBIGUOUS,
        written_ahead_at=None,
        resend_exhausted=True,
        believable_at=_believable(manifest, delivery, now, answered=True),
        next_attempt_at=now + manifest.look_up_lag,
        reason=reason,
    )


def _in_doubt(manifest: Manifest, delivery: Delivery, now: datetime, reason: str, *, answered: bool) -> Delivery:
    resent = delivery.doubt
    after = replace(
        delivery,
        state=State.AMBIGUOUS,
        doubt=True,
        resend_exhausted=delivery.resend_exhausted or (answered and resent and manifest.replays_errors),
        believable_at=_believable(manifest, delivery, now, answered=answered),
        written_ahead_at=None,
        next_attempt_at=None,
        reason=reason,
    )
    if manifest.capability_class == "C":
        return _parked(after, f"it may or may not be there, and {manifest.system} offers no way to find out ({reason})")
    if not _may_resend(manifest, after, now):
        # Being there can be believed at once, being absent only later.
        return after if manifest.look_up_lag is None else replace(after, next_attempt_at=now + manifest.look_up_lag)
    return _inconclusive(manifest, after, now, reason) if resent else after


def _unknown_history(manifest: Manifest, delivery: Delivery, event: Restored, now: datetime) -> Delivery:
    if manifest.key_retention == FOREVER and manifest.look_up_lag is None:
        # Its key has never changed without a person, so sending it again is safe; what that is refused for proves nothing.
        known = delivery.doubt and delivery.written_ahead_at is None
        return delivery if known else _in_doubt(manifest, delivery, now, RESTORED, answered=False)
    believable = min(now, event.at) + waiting_time(manifest)
    return replace(
        delivery,
        state=State.AMBIGUOUS,
        doubt=True,
        # The key may have been raised after the backup, so that this one proves nothing.
        resend_exhausted=True,
        believable_at=max(believable, delivery.believable_at or believable),
        written_ahead_at=None,
        first_written_at=None,
        next_attempt_at=None,
        resolutions=0,
        reason=RESTORED,
    )


def _looked_up(manifest: Manifest, delivery: Delivery, calls: Sequence[str], event: LookedUp, now: datetime) -> Delivery:
    remote = event.remote
    # What counts is when it was asked: the answer may have been waiting for somebody to read it.
    trusted = _trusted_from(manifest, delivery, event.since)
    early = trusted is not None and event.asked < trusted
    adopted = None if remote is None else _adopted(delivery, calls, remote, event.differences, now)
    # Of a history that is unknown the next call may be under way too.
    if adopted is not None and (adopted.state is State.POSTED or not early or delivery.first_written_at is not None):
        return adopted
    if early:
        return replace(delivery, next_attempt_at=trusted)
    if remote is None and delivery.completed:
        return _parked(delivery, f"{', '.join(delivery.completed)} had taken effect, but the look-up finds nothing any more")
    problem = None if remote is None else _problem(delivery, calls, remote, event.differences)
    known = delivery if remote is None else replace(delivery, remote_id=remote.remote_id, remote_number=remote.remote_number)
    return _absent(manifest, known, now) if problem is None else _parked(known, problem)


def _problem(delivery: Delivery, calls: Sequence[str], remote: RemoteDocument, differences: Sequence[str]) -> str | None:
    """Why nobody but a person can go on from what the destination holds; None when just the current call is missing."""
    if _stops(remote):
        others = f" (also {', '.join(remote.duplicates)})" if remote.duplicates else ""
        return f"the look-up finds {remote.remote_id}{others}: {'duplicate' if remote.duplicates else remote.status}"
    if differences:
        return f"{remote.remote_id} is there, but differs: {'; '.join(differences)}"
    found = _found(calls, remote)
    if found == delivery.completed:
        return None
    return f"the look-up finds {remote.remote_id} incomplete: {', '.join(found) or 'no call'} of {', '.join(calls)} took effect"


def _adopted(delivery: Delivery, calls: Sequence[str], remote: RemoteDocument, differences: Sequence[str], now: datetime) -> Delivery | None:
    """The delivery if the look-up proves that the call in doubt took effect; being there can be believed at any time."""
    found = _found(calls, remote)
    if _stops(remote) or len(found) <= len(delivery.completed) or found != tuple(calls[: len(found)]):
        return None
    known = replace(delivery, state=State.PENDING, completed=found, remote_id=remote.remote_id)
    if len(found) < len(calls):
        return _continued(known, calls, now)
    return None if differences else _continued(replace(known, remote_number=remote.remote_number), calls, now)


def _found(calls: Sequence[str], remote: RemoteDocument) -> tuple[str, ...]:
    return tuple(call for call in calls if call in remote.completed)


def _stops(remote: RemoteDocument) -> bool:
    return bool(remote.duplicates) or remote.status in STOPPING_STATUSES


def _absent(manifest: Manifest, delivery: Delivery, now: datetime) -> Delivery:
    """Proven: the current call had no effect. Only now may it be sent under another key."""
    count = delivery.resolutions + 1
    # An attempt that failed is not made again at once; of a history that is unknown there may have been none.
    first = delivery.generation == 0 or delivery.first_written_at is None
    delay = timedelta(0) if first else _delay(manifest, count, resending=False)
    if delay is None:
        return _parked(delivery, f"{delivery.generation + 1} attempts were proven to have had no effect; the last: {delivery.reason}")
    return replace(
        delivery,
        state=State.PENDING,
        generation=delivery.generation + 1,
        first_written_at=None,
        doubt=False,
        resend_exhausted=False,
        believable_at=None,
        resolutions=count,
        next_attempt_at=now + delay if delay else None,
    )


def _inconclusive(manifest: Manifest, delivery: Delivery, now: datetime, reason: str) -> Delivery:
    count = delivery.resolutions + 1
    resending = _may_resend(manifest, delivery, now)
    delay = _delay(manifest, count, resending=resending)
    if delay is None:
        return _parked(delivery, f"{count} attempts to find out what happened were inconclusive; the last: {reason}")
    due = now + delay
    limit = resend_until(manifest, delivery) if resending else None
    if limit is not None and now < limit < due:
        # Nothing is gained by letting the key expire in between.
        due = limit
    return replace(delivery, resolutions=count, next_attempt_at=due, reason=reason)


def _delay(manifest: Manifest, count: int, *, resending: bool) -> timedelta | None:
    """How long to wait after the ``count``-th inconclusive attempt; None = no more."""
    schedule = (*(QUICK_RESENDS if resending else ()), waiting_time(manifest), *LATER)
    return schedule[count - 1] if count <= len(schedule) else None


def _may_resend(manifest: Manifest, delivery: Delivery, now: datetime) -> bool:
    if manifest.key_retention <= timedelta(0) or delivery.resend_exhausted:
        return False
    if manifest.key_retention == FOREVER:
        return True
    first, limit = delivery.first_written_at, resend_until(manifest, delivery)
    if first is None or limit is None:
        return False
    # A key that was first used in what is now the future was dated by another clock: how old it is, nobody knows.
    return first - clock_error(manifest.key_retention) <= now <= limit


def _believable(manifest: Manifest, delivery: Delivery, now: datetime, *, answered: bool) -> datetime:
    """From when on "absent" proves that the outstanding attempt had no effect."""
    wait = waiting_time(manifest)
    if answered or delivery.written_ahead_at is None:
        believable = now + wait
    else:
        # Another process wrote it ahead, and may not even be dead: it sends within the deadline, by a clock that may be wrong.
        latest = manifest.send_deadline + wait
        long_ago = delivery.written_ahead_at + latest + LARGEST_CLOCK_ERROR <= now
        believable = now if long_ago else now + latest
    return believable if delivery.believable_at is None else max(believable, delivery.believable_at)


def _trusted_from(manifest: Manifest, delivery: Delivery, since: datetime) -> datetime | None:
    """From when on "absent" is believed by a process that began ``since``: another one's clock is trusted only so far."""
    believable = delivery.believable_at
    return None if believable is None else max(believable, min(since + waiting_time(manifest), believable + LARGEST_CLOCK_ERROR))


def _parked(delivery: Delivery, reason: str) -> Delivery:
    return replace(delivery, state=State.PARKED, written_ahead_at=None, next_attempt_at=None, reason=reason)
