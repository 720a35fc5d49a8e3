"""Mistakes that a posting protocol can make, each a small change to the real functions, and a world in which it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from model_manifests import BLIND, KEYED, KEYED_REPLAYING, LOOKED_UP, NEITHER
from model_world import Bounds, Rules

from reverse_etl.documents import State
from reverse_etl.posting.protocol import admission, delivery
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.register.records.periods import OPEN
from reverse_etl.systems.contract import Manifest, NotExecuted

Patches = dict[tuple[Any, str], Callable[..., Any]]

ADMITTED, STANDS = admission.admitted, admission.stands
IN_DOUBT, LOOKED, ADOPTED = delivery._in_doubt, delivery._looked_up, delivery._adopted
TWO_CALLS, ONE_CALL = ("create", "complete"), ("create",)


@dataclass(frozen=True)
class Mistake:
    name: str
    manifest: Manifest
    patches: Patches = field(hash=False)
    kinds: tuple[str, ...] = ()
    faults: int = 2
    calls: tuple[str, ...] = ONE_CALL
    sends_before_writing: bool = False

    def rules(self) -> Rules:
        return Rules(self.manifest, self.calls, Bounds(self.faults, frozenset(self.kinds)), sends_before_writing=self.sends_before_writing)

    @contextmanager
    def planted(self) -> Iterator[None]:
        originals = {(module, name): getattr(module, name) for module, name in self.patches}
        for (module, name), wrong in self.patches.items():
            setattr(module, name, wrong)
        try:
            yield
        finally:
            for (module, name), original in originals.items():
                setattr(module, name, original)


def _new_key(current: Delivery) -> Delivery:
    return replace(current, state=State.PENDING, generation=current.generation + 1, written_ahead_at=None, first_written_at=None)


def _new_key_when_answered(manifest: Manifest, current: Delivery, now: datetime, reason: str, *, answered: bool) -> Delivery:
    return _new_key(current) if answered else IN_DOUBT(manifest, current, now, reason, answered=answered)


def _new_key_when_recovered(manifest: Manifest, current: Delivery, now: datetime, reason: str, *, answered: bool) -> Delivery:
    return IN_DOUBT(manifest, current, now, reason, answered=answered) if answered else _new_key(current)


def _failed(manifest: Manifest, current: Delivery, now: datetime, reason: str, *, answered: bool) -> Delivery:
    return delivery._not_executed(current, NotExecuted(reason), now)


def _rejected(manifest: Manifest, current: Delivery, event: Any, now: datetime) -> Delivery:
    return replace(current, state=State.REJECTED, written_ahead_at=None, next_attempt_at=None, reason=event.reason)


def _only_whole(manifest: Manifest, current: Delivery, calls: Any, event: Any, now: datetime) -> Delivery:
    whole = event.remote is not None and all(call in event.remote.completed for call in calls)
    return LOOKED(manifest, current, calls, event if whole else replace(event, remote=None), now)


def _adopted_at_once(manifest: Manifest, current: Delivery, calls: Any, event: Any, now: datetime) -> Delivery:
    adopted = None if event.remote is None else ADOPTED(current, calls, event.remote, event.differences, now)
    return LOOKED(manifest, current, calls, event, now) if adopted is None else adopted


def _since_written_ahead(manifest: Manifest, current: Delivery, now: datetime, *, answered: bool) -> datetime:
    return (current.written_ahead_at or now) + delivery.waiting_time(manifest)


MISTAKES = (
    Mistake(
        "the key's retention is checked before the write-ahead instead of inside",
        KEYED,
        {(admission, "admitted"): lambda intent, *more, **facts: ADMITTED(replace(intent, not_after=None), *more, **facts)},
        kinds=("stall",),
    ),
    Mistake("a key is trusted for ever", KEYED, {(delivery, "resend_until"): lambda *_: datetime(2036, 1, 1, tzinfo=UTC)}, ("stall",)),
    Mistake("absence is believed at once", LOOKED_UP, {(delivery, "_trusted_from"): lambda *_: None}, faults=1),
    Mistake("the look-up's lag is forgotten", LOOKED_UP, {(delivery, "waiting_time"): lambda m: m.send_deadline + m.in_flight_bound}),
    Mistake("the time under way is forgotten", LOOKED_UP, {(delivery, "waiting_time"): lambda m: m.send_deadline + m.look_up_lag}),
    Mistake("the wait for a dead process counts from its write-ahead", LOOKED_UP, {(delivery, "_believable"): _since_written_ahead}, ("takeover",)),
    Mistake(
        "a look-up is believed when it is read instead of when it was asked",
        LOOKED_UP,
        {(delivery, "_looked_up"): lambda m, d, calls, event, now: LOOKED(m, d, calls, replace(event, asked=now), now)},
        kinds=("stall",),
    ),
    Mistake(
        "a look-up that fails is taken for absence", LOOKED_UP, {(delivery, "_inconclusive"): lambda m, d, now, reason: delivery._absent(m, d, now)}
    ),
    Mistake("a draft is not looked for", LOOKED_UP, {(delivery, "_looked_up"): _only_whole}, calls=TWO_CALLS),
    Mistake("an error is tried again under a new key", KEYED_REPLAYING, {(delivery, "_in_doubt"): _new_key_when_answered}, faults=1),
    Mistake("the key is raised without proof after a crash", KEYED, {(delivery, "_in_doubt"): _new_key_when_recovered}, ("crash",), faults=1),
    Mistake("a lost answer is taken for a failure", LOOKED_UP, {(delivery, "_in_doubt"): _failed}, faults=1),
    Mistake("what cannot be known is sent again", NEITHER, {(delivery, "_in_doubt"): _failed}, faults=1),
    Mistake("a rejection after a doubt is taken for proof", KEYED, {(delivery, "_rejected"): _rejected}, calls=TWO_CALLS),
    Mistake("it is sent before it is written ahead", LOOKED_UP, {}, ("crash",), faults=1, sends_before_writing=True),
    Mistake(
        "a superseded poster is not fenced",
        LOOKED_UP,
        {(admission, "admitted"): lambda intent, row, **facts: ADMITTED(intent, row, **{**facts, "epoch": facts["lane_epoch"]})},
        kinds=("takeover",),
        faults=1,
    ),
    Mistake(
        "a superseded poster records more than success",
        LOOKED_UP,
        {(admission, "stands"): lambda change, row, *, owned: STANDS(change, row, owned=True)},
        kinds=("takeover",),
    ),
    Mistake(
        "a superseded poster's success is refused",
        NEITHER,
        {(admission, "stands"): lambda change, row, *, owned: owned and STANDS(change, row, owned=owned)},
        kinds=("takeover",),
    ),
    Mistake(
        "posted does not absorb",
        BLIND,
        {(admission, "stands"): lambda change, row, *, owned: owned or STANDS(change, row, owned=owned)},
        kinds=("takeover",),
    ),
    Mistake(
        "the period is checked before the write-ahead instead of inside",
        LOOKED_UP,
        {(admission, "admitted"): lambda intent, row, **facts: ADMITTED(intent, row, **{**facts, "period_status": OPEN})},
        kinds=("close",),
        faults=1,
    ),
    Mistake("a restored register sends what it does not know", LOOKED_UP, {(delivery, "taken_over"): lambda row, _: None}, ("restore",), faults=1),
    Mistake("a restored register believes half a look-up", LOOKED_UP, {(delivery, "_looked_up"): _adopted_at_once}, ("restore",), calls=TWO_CALLS),
)
