"""A world of one document around the real protocol: a register, up to two posters, a network that delays and a destination that misbehaves.

``following`` gives every world that can come next. Posters run the functions of production: ``taken_over``, ``next_step``, ``admitted``,
``advance``, ``stands``. Time is in whole seconds and jumps to where something can change. Whatever goes wrong costs one of a bounded number
of faults; what is free happens in every order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting.protocol import admission, delivery
from reverse_etl.posting.protocol.delivery import (
    DELIVERED_STATES,
    OPEN_STATES,
    LookedUp,
    LookUp,
    Nothing,
    Park,
    Recovered,
    Restored,
    Send,
    Unreadable,
    Wait,
)
from reverse_etl.posting.protocol.facts import Change, Intent
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.register.records.history import Restoration
from reverse_etl.register.records.periods import HARD_CLOSED, OPEN
from reverse_etl.systems.contract import FOREVER, Ambiguous, Manifest, NotExecuted, Rejected, RemoteDocument, Succeeded

START = datetime(2026, 1, 31, tzinfo=UTC)
CLOCK_JUMP = 2  # seconds, a tenth of the shortest retention
RESTORED_EPOCH = 1000
ENDED = (*DELIVERED_STATES, State.REJECTED, State.PARKED)
DOCUMENT = SealedDocument(
    *(1, "model", "entity", "journal_entry", "J1", "model/entity/journal_entry/J1", 1, "create", None),
    *(date(2026, 1, 31), date(2026, 1, 31), "2026-01", "USD", 1000, (), "internal", "rating", "hash", {}, "run"),
)


@dataclass(frozen=True)
class Bounds:
    """How much may go wrong on one path. ``kinds``: which of crash, takeover, stall, close, jump, restore happen; answers always do."""

    faults: int
    kinds: frozenset[str]


class Seen(NamedTuple):
    """What a look-up found: the calls that had taken effect."""

    calls: tuple[str, ...]
    asked: datetime
    since: datetime

    def looked_up(self) -> LookedUp:
        completed = {call: {} for call in self.calls}
        remote = RemoteDocument("R", "1", None, "open", None, None, None, None, (), completed) if completed else None
        return LookedUp(remote, self.asked, self.since)


@dataclass(frozen=True)
class Success:
    """That a call succeeded."""


Heard = Success | NotExecuted | Rejected | Ambiguous | Seen | Unreadable | Park | Recovered | Restored


class Poster(NamedTuple):
    """``phase``: idle, intent (about to write ahead), written (about to send), answered (about to record). Times are its own clock's."""

    epoch: int
    skew: int
    began: int
    view: Delivery
    phase: str = "idle"
    not_after: datetime | None = None
    written_at: int = 0
    event: Heard | None = None


class Flying(NamedTuple):
    """A request that the destination may still execute, at the latest at ``until``."""

    call: str
    key: str
    until: int


class World(NamedTuple):
    """``effects``: (call, when) of every effect. ``keys``: (key, when, was an error) that the destination remembers. ``old``: a stalled poster."""

    row: Delivery
    lane: int = 0
    poster: Poster | None = None
    old: Poster | None = None
    now: int = 0
    skew: int = 0
    closed: bool = False
    restoration: Restoration | None = None
    backup: tuple[Delivery, int] | None = None
    effects: tuple[tuple[str, int], ...] = ()
    keys: tuple[tuple[str, int, bool], ...] = ()
    flying: tuple[Flying, ...] = ()
    sends: int = 0
    posters: int = 0
    faults: int = 0
    broken: str | None = None


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def second(instant: datetime) -> int:
    return round((instant - START).total_seconds())


def broken_rule(manifest: Manifest, calls: tuple[str, ...], world: World) -> str | None:
    done = [call for call, _ in world.effects]
    if world.broken is not None:
        return world.broken
    if len(done) != len(set(done)):
        return "a call took effect twice"
    if world.row.state in DELIVERED_STATES and done != list(calls):
        return "posted, but not completely there"
    if world.row.state is State.REJECTED and not world.flying and len(done) > len(world.row.completed):
        return "rejected, but it is there"
    if manifest.capability_class == "C" and world.sends > len(done) + 1:
        return "sent again, although nothing tells whether it took effect before"
    return None


class Rules:
    """Everything that can happen next in a world."""

    def __init__(self, manifest: Manifest, calls: tuple[str, ...], bounds: Bounds, *, sends_before_writing: bool = False) -> None:
        self.manifest = manifest
        self.calls = calls
        self.bounds = bounds
        self.sends_before_writing = sends_before_writing
        self.deadline = round(manifest.send_deadline.total_seconds())
        self.in_flight = round(manifest.in_flight_bound.total_seconds())
        self.lag = None if manifest.look_up_lag is None else round(manifest.look_up_lag.total_seconds())
        self.retention = None if manifest.key_retention == FOREVER else round(manifest.key_retention.total_seconds())

    def following(self, world: World) -> Iterator[tuple[str, World]]:
        for flight in world.flying:
            executed, _ = self._executed(world._replace(flying=_without(world.flying, flight)), flight.call, flight.key)
            yield f"the destination executes {flight.call} late", executed
            if world.now >= flight.until:
                return
        if world.poster is None:
            if world.row.state in OPEN_STATES and world.posters <= self.bounds.faults + 2:
                yield from self._takes_over(world)
        else:
            yield from self._acts(world, world.poster, "poster")
        if world.old is not None:
            yield from self._acts(world, world.old, "old")
        if world.faults < self.bounds.faults:
            yield from self._faults(world._replace(faults=world.faults + 1))

    # Posters

    def _takes_over(self, world: World) -> Iterator[tuple[str, World]]:
        clock = world.now + world.skew
        claimed = world._replace(posters=world.posters + 1, lane=max(world.lane + 1, RESTORED_EPOCH if world.restoration else 1))
        poster = Poster(claimed.lane, world.skew, clock, world.row)
        event = delivery.taken_over(world.row, world.restoration)
        if event is not None:
            poster = poster._replace(phase="answered", event=event)
        yield "a poster takes the lane", claimed._replace(poster=poster)

    def _acts(self, world: World, poster: Poster, who: str) -> Iterator[tuple[str, World]]:
        match poster.phase:
            case "idle":
                yield from self._decides(world, poster, who)
            case "intent":
                yield from self._writes_ahead(world, poster, who)
            case "written":
                yield from self._sends(world, poster, who)
            case "answered":
                yield self._records(world, poster, who)

    def _decides(self, world: World, poster: Poster, who: str) -> Iterator[tuple[str, World]]:
        step = delivery.next_step(self.manifest, poster.view, self.calls, at(world.now + poster.skew))
        match step:
            case Wait(until=until):
                if who == "poster" and (world.old is None or world.old.phase != "answered"):
                    # Everybody waits: time passes to where something changes.
                    times = {flight.until for flight in world.flying} | {second(until) - poster.skew}
                    yield "time passes", world._replace(now=min(time for time in times if time > world.now))
            case Send():
                if self.sends_before_writing:
                    yield from self._sends(world, poster, who)
                else:
                    yield self._with(world, who, poster._replace(phase="intent", not_after=step.not_after), f"{who} decides to send {step.call}")
            case LookUp():
                yield from self._looks_up(world, poster, who)
            case Park():
                yield self._with(world, who, poster._replace(phase="answered", event=step), f"{who} decides to park")
            case Nothing():
                # It has done what it can; without a poster nothing happens any more.
                yield self._with(world, who, None, f"{who} ends")

    def _writes_ahead(self, world: World, poster: Poster, who: str) -> Iterator[tuple[str, World]]:
        call = delivery.current_call(poster.view, self.calls)
        intent = Intent(DOCUMENT, poster.view, call, poster.view.generation, "", b"", poster.not_after)
        verdict = admission.admitted(
            intent,
            world.row,
            epoch=poster.epoch,
            lane_epoch=world.lane,
            period_status=HARD_CLOSED if world.closed else OPEN,
            now=at(world.now + world.skew),
        )
        if isinstance(verdict, str):
            after = poster._replace(phase="idle") if verdict == admission.KEY_EXPIRED else None
            yield self._with(world, who, after, f"{who} is refused the write-ahead: {verdict}")
            return
        broken = "written ahead in a closed period" if world.closed else world.broken
        if poster.epoch != world.lane:
            broken = "a superseded poster wrote ahead"
        written = poster._replace(view=verdict, phase="written", written_at=world.now)
        if self.sends_before_writing:
            written = poster._replace(view=verdict, phase="answered")
        yield self._with(world._replace(row=verdict, broken=broken), who, written, f"{who} writes {call} ahead")

    def _sends(self, world: World, poster: Poster, who: str) -> Iterator[tuple[str, World]]:
        manifest, view = self.manifest, poster.view
        call = delivery.current_call(view, self.calls)
        key = f"{call}:{view.generation}"

        def answered(world: World, outcome: Heard, what: str) -> tuple[str, World]:
            phase = "intent" if self.sends_before_writing else "answered"
            return self._with(world, who, poster._replace(phase=phase, event=outcome), f"{who} sends {call} (key {view.generation}): {what}")

        if not self.sends_before_writing and world.now > poster.written_at + self.deadline:
            yield answered(world, NotExecuted("not sent"), "not any more, the send deadline has passed")
            return
        sent = world._replace(sends=world.sends + 1)
        executed, error = self._executed(sent, call, key)
        yield answered(executed, Ambiguous("replayed") if error else Success(), "a stored error is replayed" if error else "it succeeds")
        if world.faults >= self.bounds.faults:
            return
        fault, lost = sent._replace(faults=world.faults + 1), executed._replace(faults=world.faults + 1)
        stored = self._with_key(lost, key, error=True)
        until = world.now + self.deadline + self.in_flight
        late = fault._replace(flying=(*fault.flying, Flying(call, key, until)), now=world.now + self.deadline)
        yield answered(fault._replace(sends=world.sends), NotExecuted("429", 1.0), "it is refused as busy")
        yield answered(self._with_key(fault, key, error=True), Ambiguous("500"), "it fails without effect")
        yield answered(lost, Ambiguous("lost"), "it takes effect, the answer is lost or does not mention it")
        if manifest.replays_errors:
            yield answered(stored, Ambiguous("500"), "it takes effect, the answer is an error")
        yield answered(late, Ambiguous("timeout"), "it times out and is under way")
        yield answered(late._replace(now=world.now), Ambiguous("lost"), "the connection breaks, it is under way")
        if not self._remembered(sent, key):
            # With or without an effect of an earlier attempt: the refusal may be about that one.
            yield answered(fault._replace(sends=world.sends), Rejected("no"), "it is rejected")

    def _looks_up(self, world: World, poster: Poster, who: str) -> Iterator[tuple[str, World]]:
        assert self.lag is not None
        asked, since = at(world.now + poster.skew), at(poster.began)
        every = tuple(call for call, _ in world.effects)
        certain = sum(1 for _, when in world.effects if world.now >= when + self.lag)
        for count in range(certain, len(every) + 1):
            seen = every[:count]
            yield self._with(
                world, who, poster._replace(phase="answered", event=Seen(seen, asked, since)), f"{who} looks up: {', '.join(seen) or 'nothing'}"
            )
        if world.faults < self.bounds.faults:
            failed = poster._replace(phase="answered", event=Unreadable("down"))
            yield self._with(world._replace(faults=world.faults + 1), who, failed, f"{who} looks up: no answer")

    def _records(self, world: World, poster: Poster, who: str) -> tuple[str, World]:
        event: delivery.Event
        match poster.event:
            case None:
                raise AssertionError("there is nothing to record")
            case Seen() as seen:
                event = seen.looked_up()
            case Success():
                event = Succeeded("1")
            case heard:
                event = heard
        now = at(world.now + poster.skew)
        after = replace(delivery.advance(self.manifest, poster.view, self.calls, event, now), reason=None)
        if after == poster.view:
            return self._with(world, who, poster._replace(phase="idle", event=None), f"{who} learns nothing new")
        change = Change(DOCUMENT, poster.view, after)
        standing = admission.stands(change, world.row, owned=poster.epoch == world.lane)
        what = f"{who} records {after.state}"
        if standing:
            broken = world.broken
            if world.row.state in admission.FINAL_STATES and after.state not in admission.FINAL_STATES:
                broken = "what was posted is not posted any more"
            if poster.epoch != world.lane and after.state is not State.POSTED:
                broken = "a superseded poster recorded more than a success"
            return self._with(world._replace(row=after, broken=broken), who, poster._replace(view=after, phase="idle", event=None), what)
        if after.state is State.POSTED and world.row.state not in admission.FINAL_STATES:
            world = world._replace(broken="a success was not recorded")
        return self._with(world, who, None, f"{what}, which does not stand")

    def _with(self, world: World, who: str, poster: Poster | None, what: str) -> tuple[str, World]:
        return what, world._replace(poster=poster) if who == "poster" else world._replace(old=poster)

    # What goes wrong besides answers

    def _faults(self, world: World) -> Iterator[tuple[str, World]]:
        kinds, poster = self.bounds.kinds, world.poster
        alive = poster is not None or world.old is not None
        if "crash" in kinds and poster is not None:
            yield "the poster is killed", world._replace(poster=None)
        if "takeover" in kinds and poster is not None and world.old is None and world.row.state in OPEN_STATES:
            yield "the poster stalls and loses the lane", world._replace(poster=None, old=poster)
        if "stall" in kinds and alive:
            for time in self._instants(world):
                yield f"everybody stalls until {time} s", self._arrived(world, time)._replace(now=time)
        if "close" in kinds and not world.closed:
            yield "the period is closed", world._replace(closed=True)
        if "jump" in kinds and world.skew == 0:
            for jump in (CLOCK_JUMP, -CLOCK_JUMP):
                yield f"the clock jumps by {jump} s", world._replace(skew=jump)
        if "restore" in kinds and world.restoration is None:
            if world.backup is None:
                # Costs nothing by itself.
                yield "a backup is made", world._replace(backup=(world.row, world.lane), faults=world.faults - 1)
            else:
                row, lane = world.backup
                restoration = Restoration(at(world.now + world.skew), RESTORED_EPOCH)
                yield (
                    "the posters are stopped and the backup is restored",
                    world._replace(row=row, lane=lane, poster=None, old=None, restoration=restoration, backup=None),
                )

    def _arrived(self, world: World, time: int) -> World:
        """What was under way has arrived at the latest moment it could."""
        for flight in sorted(world.flying, key=lambda flight: flight.until):
            if flight.until < time:
                landed = world._replace(now=flight.until, flying=_without(world.flying, flight))
                world = self._executed(landed, flight.call, flight.key)[0]
        return world

    def _instants(self, world: World) -> list[int]:
        """Where time can make a difference: ends of deadlines, flights, memories, lags and waits, and the second after each."""
        times = {flight.until for flight in world.flying}
        times |= {when + self.retention for _, when, _ in world.keys if self.retention is not None}
        times |= {when + self.lag for _, when in world.effects if self.lag is not None}
        for poster in (world.poster, world.old):
            if poster is not None:
                known = (poster.not_after, poster.view.believable_at, poster.view.next_attempt_at)
                times |= {second(instant) - poster.skew for instant in known if instant is not None}
                if poster.phase == "written":
                    times.add(poster.written_at + self.deadline)
        return sorted({time + more for time in times for more in (0, 1) if time + more > world.now})

    # The destination

    def _executed(self, world: World, call: str, key: str) -> tuple[World, bool]:
        """The destination executes a request, unless it remembers its key; whether the answer is a stored error."""
        known = self._remembered(world, key)
        if known:
            return world, known[0][2]
        if self.retention is None and call in dict(world.effects):
            return world, False
        return self._with_key(world._replace(effects=(*world.effects, (call, world.now))), key, error=False), False

    def _remembered(self, world: World, key: str) -> list[tuple[str, int, bool]]:
        return [known for known in world.keys if known[0] == key and (self.retention is None or world.now <= known[1] + self.retention)]

    def _with_key(self, world: World, key: str, *, error: bool) -> World:
        if self.retention == 0 or (error and not self.manifest.replays_errors):
            return world
        known = self._remembered(world, key)
        if known and error:
            return world
        first = known[0][1] if known else world.now
        return world._replace(keys=(*(other for other in world.keys if other[0] != key), (key, first, error)))


def _without(flying: tuple[Flying, ...], gone: Flying) -> tuple[Flying, ...]:
    index = flying.index(gone)
    return flying[:index] + flying[index + 1 :]
