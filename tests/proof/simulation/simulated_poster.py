"""A poster in the simulation: performs the effects of the real scheduler, and may stand still or die between any two of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulated_destination import Mapper
from simulated_register import BrokenRuleError

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting.protocol import outcomes
from reverse_etl.posting.protocol.delivery import OPEN_STATES, LookedUp, Unreadable
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.posting.protocol.effects import Allowance, Await, Effect, Finished, LookUpBatch, Record, Recorded, SendBatch, WriteAhead, WroteAhead
from reverse_etl.posting.protocol.facts import Change, Found, Intent, NotSent, Sent, WrittenAhead
from reverse_etl.posting.protocol.scheduler import Scheduler
from reverse_etl.posting.protocol.verification import compare, may_be_early
from reverse_etl.systems.contract import Ambiguous, Call, Outcome, RemoteDocument

if TYPE_CHECKING:
    from simulation import Simulation

PATIENCE_SECONDS = 20.0


SHORTEST_SLEEP = 0.001


class SimulatedPoster:
    def __init__(self, world: Simulation, lane: str, mapper: Mapper) -> None:
        self._world = world
        self._lane = lane
        self._destination = world.destinations[lane]
        self._manifest = mapper.manifest
        self._deadline = mapper.manifest.send_deadline.total_seconds()
        self._skew = world.wall() - timedelta(seconds=world.now)
        self.alive = True
        self.frozen_until = 0.0
        self._waiting = 0
        self._work = world.register.work(lane, (*OPEN_STATES, State.POSTED))
        self._epoch = world.register.claim(lane)
        self.name = f"{lane} poster {self._epoch}"
        positions = [document.position for document, _ in self._work]
        self._scheduler = Scheduler(
            mapper,
            self._work,
            Dependencies(world.register, [document for document, _ in self._work]),
            replies=world.register.replies(positions),
            requests=world.register.requests([document.position for document, delivery in self._work if delivery.first_written_at]),
            patience=PATIENCE_SECONDS,
        )

    def clock(self) -> datetime:
        """As it was when the poster began, and steady since."""
        return self._skew + timedelta(seconds=self._world.now)

    def start(self) -> None:
        self._world.tell(self.name, f"takes the lane with {len(self._work)} documents")
        self._scheduler.begin(self.clock(), self._world.register.restoration)
        self._go_on()

    def kill(self) -> None:
        self.alive = False

    def thaw(self) -> None:
        self.frozen_until = min(self.frozen_until, self._world.now)

    # Standing still and dying

    def _later(self, when: float, what: Callable[[], None]) -> None:
        def happen() -> None:
            if not self.alive:
                return
            if self.frozen_until > self._world.now:
                self._later(self.frozen_until, what)
                return
            what()

        self._world.at(when, happen)

    def _disturbed(self, then: Callable[[], None]) -> bool:
        """Whether the poster dies here, or stands still for a while before it does what comes ``then``."""
        world = self._world
        if world.chance(0.01):
            world.tell(self.name, "is killed")
            self.alive = False
            world.push_later(self._lane)
            return True
        if world.chance(0.01):
            self.frozen_until = world.now + world.random.choice((2.0, 15.0, 40.0, 400.0))
            world.tell(self.name, f"stands still until {self.frozen_until:.2f} s")
            world.push_later(self._lane)
            self._later(self.frozen_until, then)
            return True
        return False

    def _told(self, told: Recorded | Sent | Found) -> None:
        self._scheduler.tell(told, self.clock())
        self._go_on()

    # Performing

    def _go_on(self) -> None:
        while self.alive:
            if self._disturbed(self._go_on) or not self._perform(self._scheduler.next(self.clock(), Allowance(self._manifest.concurrency))):
                return

    def _perform(self, effect: Effect) -> bool:
        """Whether the poster goes on at once."""
        now = self._world.now
        match effect:
            case Record(changes=changes):
                return self._record(changes)
            case WriteAhead(intents=intents):
                return self._write_ahead(intents)
            case SendBatch():
                self._later(now + self._world.random.random() * 0.2, lambda: self._send(effect.calls, effect.began))
                return True
            case LookUpBatch():
                self._later(now + 0.05, lambda: self._look_up(effect))
                return True
            case Await(until=until):
                if until is not None:
                    self._waiting += 1
                    turn = self._waiting
                    # Nobody sleeps for less than the clock can tell.
                    self._later(now + max(SHORTEST_SLEEP, (until - self.clock()).total_seconds()), lambda: self._woken(turn))
            case Finished():
                self._verify()
        return False

    def _record(self, changes: tuple[Change, ...]) -> bool:
        world = self._world
        standing = world.register.record(self._lane, self._epoch, changes)
        if world.tracing:
            for change in changes:
                stands = "" if change in standing else ", which does not stand"
                world.tell(self.name, f"records {change.document.natural_id} {change.after.state}{stands} ({change.after.reason})")
        recorded = Recorded(changes, standing)
        if self._disturbed(lambda: self._told(recorded)):
            return False
        self._scheduler.tell(recorded, self.clock())
        return True

    def _write_ahead(self, intents: tuple[Intent, ...]) -> bool:
        world, began = self._world, self._world.now
        written = world.register.write_ahead(self._lane, self._epoch, intents)
        if written is None:
            world.tell(self.name, "was superseded")
            self.alive = False
            return False
        accepted, refused = written
        if world.tracing:
            world.tell(self.name, f"writes ahead {', '.join(_told(one) for one in accepted) or 'nothing'}")
        self._scheduler.tell(WroteAhead(accepted, refused, began), self.clock())
        return True

    def _woken(self, turn: int) -> None:
        if turn == self._waiting:
            self._go_on()

    def _answered(self, told: Sent | Found) -> None:
        if not self._disturbed(lambda: self._told(told)):
            self._told(told)

    def _send(self, calls: tuple[WrittenAhead, ...], began: float) -> None:
        world = self._world
        if world.now > began + self._deadline:
            world.tell(self.name, "does not send any more")
            self._answered(Sent(calls, (NotSent("late"),) * len(calls), world.now))
            return
        requests = [Call(c.intent.document, c.intent.call, c.intent.generation, c.intent.idempotency_key, c.intent.request, 0.0) for c in calls]
        for request in requests:
            if world.register.written_ahead.get(request.idempotency_key) != request.request:
                raise BrokenRuleError(f"{request.name} of {request.document.natural_id} is sent without a write-ahead")
        self._check_dependencies([request.document for request in requests])
        sent, arrives = world.now, world.now + 0.02
        if world.chance(self._destination.faults / 3):
            arrives += world.random.uniform(0.0, self._deadline + self._manifest.in_flight_bound.total_seconds() - 0.1)
        lost = world.chance(self._destination.faults / 3)

        def arrive() -> None:
            # The request is executed whoever is still alive.
            answers = self._destination.execute(requests)
            world.tell(self._lane, f"executes {', '.join(_told(one) for one in calls)}: {', '.join(type(a).__name__ for a in answers.values())}")
            back = world.now + 0.02
            if lost or back > sent + self._deadline:
                self._later(sent + self._deadline, lambda: self._heard(calls, {}))
            else:
                self._later(back, lambda: self._heard(calls, answers))

        def arrive_unheard() -> None:
            self._destination.execute(requests)
            world.tell(self._lane, f"executes {', '.join(_told(one) for one in calls)} late")

        if lost and world.random.random() < 0.3:
            world.tell(self.name, f"sends {', '.join(_told(one) for one in calls)}, which gets lost")
            self._later(sent + self._deadline, lambda: self._heard(calls, {}))
        elif arrives > sent + self._deadline:
            world.at(arrives, arrive_unheard)
            self._later(sent + self._deadline, lambda: self._heard(calls, {}))
        else:
            world.at(arrives, arrive)

    def _heard(self, calls: tuple[WrittenAhead, ...], answers: dict[str, Outcome]) -> None:
        found = outcomes.by_key(calls, answers) if answers else (Ambiguous("no answer"),) * len(calls)
        if self._world.tracing:
            told = ", ".join(f"{_told(call)} {type(outcome).__name__}" for call, outcome in zip(calls, found, strict=True))
            self._world.tell(self.name, f"hears {told}")
        self._answered(Sent(calls, tuple(found), self._world.now))

    def _check_dependencies(self, documents: list[SealedDocument]) -> None:
        for document in documents:
            for other in self._world.documents:
                if other.business_key in document.depends_on and not self._destination.complete(other):
                    raise BrokenRuleError(f"{document.natural_id} is sent before {other.natural_id} is there")

    def _look_up(self, batch: LookUpBatch) -> None:
        asked, found = self.clock(), self._destination.look_up(batch.documents)
        if self._world.tracing:
            there = "no answer" if found is None else ", ".join(f"{d.natural_id} {_calls(found.get(d.reference))}" for d in batch.documents)
            self._world.tell(self.name, f"looks up {there}")
        events: dict[int, LookedUp | Unreadable] = {
            document.position: Unreadable("down") if found is None else LookedUp(found.get(document.reference), asked, batch.since)
            for document in batch.documents
        }
        self._later(self._world.now + 0.02, lambda: self._answered(Found(batch.documents, events)))

    # Verifying

    def _verify(self) -> None:
        lag = self._manifest.look_up_lag
        tracked = self._scheduler.tracked
        posted = [(item.document, item.delivery) for item in tracked.values() if item.delivery.state is State.POSTED]
        if lag is None or not posted:
            self._end()
            return
        asked = self.clock()
        found = self._destination.look_up([document for document, _ in posted])
        if found is None:
            self._end()
            return
        changes = [compare(document, delivery, found.get(document.reference), ()) for document, delivery in posted]
        early = [change for change in changes if may_be_early(change, asked, lag)]
        standing = self._world.register.record(self._lane, self._epoch, [change for change in changes if change not in early])
        self._world.tell(self.name, f"verifies {len(standing)} of {len(posted)}")
        self._end()

    def _end(self) -> None:
        self._world.tell(self.name, "ends")
        self.alive = False
        self._world.push_later(self._lane)


def _told(written: WrittenAhead) -> str:
    return f"{written.intent.call} of {written.intent.document.natural_id} (key {written.intent.generation})"


def _calls(remote: RemoteDocument | None) -> str:
    return "nothing" if remote is None else "+".join(remote.completed)
