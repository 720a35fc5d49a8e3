"""A small world around the protocol: one document of two calls, a destination, a network that delays, a process that dies.

``explore`` follows every path up to a number of faults and reports the first state that breaks a rule, with the path to it.
Time is in seconds and jumps to where something can change; each fault, delay and moment of a look-up is a branch of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reverse_etl.documents import State
from reverse_etl.posting.protocol import LookedUp, LookUp, Park, Recovered, Send, Unreadable, Wait
from reverse_etl.posting.protocol import delivery as protocol
from reverse_etl.register import Delivery
from reverse_etl.systems.contract import FOREVER, Ambiguous, Manifest, NotExecuted, Rejected, RemoteDocument, Succeeded

START = datetime(2026, 1, 31, tzinfo=UTC)
CALLS = ("create", "complete")
ENDED = (State.POSTED, State.VERIFIED, State.REJECTED, State.PARKED)


@dataclass(frozen=True)
class Flying:
    """A request that the destination may still execute, at the latest at ``until``."""

    call: str
    key: str
    until: int


@dataclass(frozen=True)
class World:
    """``effects``: (call, when) of every effect. ``keys``: (key, when, was an error) that the destination remembers."""

    delivery: Delivery
    now: int = 0
    effects: tuple[tuple[str, int], ...] = ()
    keys: tuple[tuple[str, int, bool], ...] = ()
    flying: tuple[Flying, ...] = ()
    sends: int = 0  # those that may have had an effect
    faults: int = 0


@dataclass(frozen=True)
class Broken:
    rule: str
    path: tuple[str, ...]


def explore(manifest: Manifest, faults: int) -> tuple[int, Broken | None, set[State]]:
    """(states seen, the first broken rule, the states in which documents ended)."""
    first = World(Delivery(1))
    seen = {first}
    ways: dict[World, tuple[World, str] | None] = {first: None}
    ended: set[State] = set()
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        rule = broken_rule(manifest, world)
        if rule is not None:
            return len(seen), Broken(rule, _path(ways, world)), ended
        following = list(_following(manifest, world, faults))
        if not following:
            ended.add(world.delivery.state)
            if world.delivery.state not in ENDED:
                return len(seen), Broken("a document neither ended nor goes on", _path(ways, world)), ended
        for what, other in following:
            if other not in seen:
                seen.add(other)
                ways[other] = (world, what)
                waiting.append(other)
    return len(seen), None, ended


def broken_rule(manifest: Manifest, world: World) -> str | None:
    done = [call for call, _ in world.effects]
    if len(done) != len(set(done)):
        return "a call took effect twice"
    if world.delivery.state is State.POSTED and done != list(CALLS):
        return "posted, but not completely there"
    if world.delivery.state is State.REJECTED and not world.flying and len(done) > len(world.delivery.completed):
        return "rejected, but it is there"
    if manifest.capability_class == "C" and world.sends > len(world.delivery.completed) + 1:
        return "a call was sent twice, although nothing tells whether it took effect"
    return None


def _following(manifest: Manifest, world: World, faults: int) -> Iterator[tuple[str, World]]:
    for flight in world.flying:
        # Whatever is under way may arrive at any moment, and must have arrived when its time is over.
        yield f"{flight.call} arrives late", _executed(manifest, replace(world, flying=_without(world.flying, flight)), flight.call, flight.key)[0]
        if world.now >= flight.until:
            return
    if world.delivery.state in ENDED:
        return
    now = START + timedelta(seconds=world.now)
    step = protocol.next_step(manifest, world.delivery, CALLS, now)
    match step:
        case Wait(until=until):
            times = {flight.until for flight in world.flying} | {round((until - START).total_seconds())}
            yield "time passes", replace(world, now=min(time for time in times if time > world.now))
        case Send():
            yield from _sending(manifest, world, step, faults)
        case LookUp():
            yield from _looking_up(manifest, world, faults)
        case Park():
            yield "parks", _advanced(manifest, world, step)


def _sending(manifest: Manifest, world: World, step: Send, faults: int) -> Iterator[tuple[str, World]]:
    name, key = step.call, f"{step.call}:{step.generation}"
    deadline = round(manifest.send_deadline.total_seconds())
    written = replace(world, delivery=protocol.written_ahead(world.delivery, START + timedelta(seconds=world.now), 1))
    # The request may leave as late as its deadline allows.
    leaves = [written, replace(written, now=world.now + deadline)] if world.faults < faults else [written]
    for sent in (replace(one, sends=one.sends + 1) for one in leaves):
        executed, error = _executed(manifest, sent, name, key)
        yield f"{name} succeeds", _advanced(manifest, executed, Ambiguous("replayed") if error else Succeeded("1"))
        if world.faults >= faults:
            continue
        fault = replace(sent, faults=world.faults + 1)
        lost = replace(executed, faults=world.faults + 1)
        stored = _with_key(manifest, lost, key, error=True)
        late = replace(fault, flying=(*fault.flying, Flying(name, key, sent.now + deadline + round(manifest.in_flight_bound.total_seconds()))))
        yield f"{name} is refused as busy", _advanced(manifest, replace(fault, sends=world.sends), NotExecuted("429", 1.0))
        yield f"{name} fails without effect", _advanced(manifest, _with_key(manifest, fault, key, error=True), Ambiguous("500"))
        yield f"{name} takes effect, its answer is an error", _advanced(manifest, stored, Ambiguous("500"))
        yield f"{name} takes effect, its answer is lost", _advanced(manifest, lost, Ambiguous("lost"))
        yield f"{name} takes effect, the process dies", _advanced(manifest, lost, Recovered())
        yield f"{name} times out and is under way", _advanced(manifest, replace(late, now=late.now + deadline), Ambiguous("timeout"))
        yield f"{name} is under way, the process dies", _advanced(manifest, late, Recovered())
        if not _remembered(manifest, sent, key) and name not in dict(sent.effects):
            yield f"{name} is rejected", _advanced(manifest, fault, Rejected("no"))
    if world.faults < faults:
        yield "the process dies before sending", _advanced(manifest, replace(written, faults=world.faults + 1), Recovered())


def _looking_up(manifest: Manifest, world: World, faults: int) -> Iterator[tuple[str, World]]:
    lag = round((manifest.look_up_lag or timedelta(0)).total_seconds())
    old = tuple(call for call, when in world.effects if world.now >= when + lag)
    every = tuple(call for call, _ in world.effects)
    for visible in {old, every}:
        remote = RemoteDocument("R", "1", None, "open", None, None, None, None, (), {call: {} for call in visible}) if visible else None
        yield f"look-up finds {visible}", _advanced(manifest, world, LookedUp(remote))
    if world.faults < faults:
        yield "look-up fails", _advanced(manifest, replace(world, faults=world.faults + 1), Unreadable("down"))


def _executed(manifest: Manifest, world: World, call: str, key: str) -> tuple[World, bool]:
    """The destination executes a request, unless it remembers its key; whether the answer is a stored error."""
    known = _remembered(manifest, world, key)
    if known:
        return world, known[0][2]
    if manifest.key_retention == FOREVER and call in dict(world.effects):
        return world, False
    return _with_key(manifest, replace(world, effects=(*world.effects, (call, world.now))), key, error=False), False


def _remembered(manifest: Manifest, world: World, key: str) -> list[tuple[str, int, bool]]:
    forever = manifest.key_retention == FOREVER
    return [k for k in world.keys if k[0] == key and (forever or world.now <= k[1] + manifest.key_retention.total_seconds())]


def _with_key(manifest: Manifest, world: World, key: str, *, error: bool) -> World:
    if manifest.key_retention <= timedelta(0) or (error and not manifest.replays_errors):
        return world
    first = min([when for name, when, _ in world.keys if name == key], default=world.now) if _remembered(manifest, world, key) else world.now
    return replace(world, keys=(*(k for k in world.keys if k[0] != key), (key, first, error)))


def _advanced(manifest: Manifest, world: World, event: protocol.Event) -> World:
    return replace(world, delivery=protocol.advance(manifest, world.delivery, CALLS, event, START + timedelta(seconds=world.now)))


def _without(flying: tuple[Flying, ...], gone: Flying) -> tuple[Flying, ...]:
    index = flying.index(gone)
    return flying[:index] + flying[index + 1 :]


def _path(ways: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    path: list[str] = []
    at = ways[world]
    while at is not None:
        path.append(f"{at[1]} ({at[0].now} s)")
        at = ways[at[0]]
    return tuple(reversed(path))
