"""One simulated history: pushes of several lanes under faults, then calm, and every rule checked on the way and at the end.

Everything that happens follows from the seed. The posters run the scheduler of production; this module performs its effects against a simulated
clock, register, network and destination.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from simulated_destination import CALLS, Mapper, SimulatedDestination
from simulated_poster import SimulatedPoster
from simulated_register import BrokenRuleError, Content, SimulatedRegister

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting.protocol.delivery import DELIVERED_STATES, OPEN_STATES
from reverse_etl.register.records.deliveries import REPOSTING, REVERSAL, REVERSED_REFERENCE
from reverse_etl.systems.contract import FOREVER, Manifest

START = datetime(2026, 1, 31, tzinfo=UTC)
PERIODS = ("2026-01", "2026-02")
FAULTY_SECONDS = 400.0
# Many times what any history has that ends.
MOST_EVENTS = 20_000
LARGEST_CLOCK_JUMP = 20.0
CALM_PUSHES = 14
DAY = 86_400.0
RETENTIONS = (timedelta(0), timedelta(seconds=300), timedelta(days=1), FOREVER)
LAGS = (None, timedelta(0), timedelta(seconds=5))


@dataclass(frozen=True)
class History:
    """What came of a seed. ``broken``: the rule that does not hold."""

    seed: int
    broken: str | None
    trace: tuple[str, ...]
    documents: int
    events: int


class Simulation:
    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.now = 0.0
        self.skew = 0.0
        self.calm = False
        self.tracing = tracing
        self.trace: list[str] = []
        self.register = SimulatedRegister(self.wall, lambda document: self.destinations[document.system].complete(document))
        self.destinations: dict[str, SimulatedDestination] = {}
        self.posters: dict[str, list[SimulatedPoster]] = {}
        self.documents: list[SealedDocument] = []
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._pushes: dict[str, int] = {}
        self._planned: set[str] = set()

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now + self.skew)

    def at(self, when: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (max(when, self.now), self._count, what))

    def tell(self, who: str, what: str) -> None:
        if self.tracing:
            self.trace.append(f"{self.now:>10.2f} s  {who}: {what}")

    def chance(self, probability: float) -> bool:
        """Whether something goes wrong; nothing does once it is calm."""
        return not self.calm and self.random.random() < probability

    def run(self) -> History:
        broken = None
        try:
            self._prepare()
            while self._agenda:
                self.now, _, what = heapq.heappop(self._agenda)
                what()
                if self._count > MOST_EVENTS:
                    raise BrokenRuleError("it does not come to an end")
            self._check()
        except BrokenRuleError as error:
            broken = str(error)
            self.tell("rule", f"BROKEN: {broken}")
        return History(self.seed, broken, tuple(self.trace), len(self.documents), self._count)

    # The plan of a history

    def _prepare(self) -> None:
        for number in range(self.random.randint(1, 2)):
            lane = f"system{number}"
            manifest = self._manifest(lane)
            destination = self.destinations[lane] = SimulatedDestination(manifest, self.random, lambda: self.now)
            destination.faults = self.random.choice((0.05, 0.2, 0.5))
            self.posters[lane] = []
            self._pushes[lane] = 0
            self._seal(lane, destination)
            self.tell(
                lane, f"{manifest.capability_class}: keys {manifest.key_retention}, look-up {manifest.look_up_lag}, batches of {manifest.batch_size}"
            )
            self.at(self.random.random(), lambda lane=lane: self.push(lane))  # type: ignore[misc]
        moments = lambda: self.random.uniform(0.5, FAULTY_SECONDS)  # noqa: E731
        if self.random.random() < 0.3:
            self.at(moments(), lambda: self._jump(self.random.uniform(-LARGEST_CLOCK_JUMP, LARGEST_CLOCK_JUMP)))
        if self.random.random() < 0.2:
            self.at(moments(), self._close)
        if self.random.random() < 0.25:
            backup, restored = sorted((moments(), moments()))
            self.at(backup, lambda: self._back_up(restored))
        for _ in range(2):
            self.at(moments(), self._correct)
        self.at(FAULTY_SECONDS, self._calm_down)

    def _manifest(self, lane: str) -> Manifest:
        retention = self.random.choice(RETENTIONS)
        return Manifest(
            system=lane,
            key_retention=retention,
            look_up_lag=self.random.choice(LAGS),
            send_deadline=timedelta(seconds=10),
            in_flight_bound=timedelta(seconds=20),
            replays_errors=retention != timedelta(0) and self.random.random() < 0.5,
            requests_per_second=None,
            concurrency=self.random.choice((1, 3)),
            batch_size=self.random.choice((1, 1, 3)),
            document_types=tuple(CALLS),
            look_up_batch_size=self.random.choice((None, 4)),
        )

    def _seal(self, lane: str, destination: SimulatedDestination) -> None:
        customers = [self._document(lane, "customer", f"C{number}") for number in range(self.random.randint(1, 2))]
        for number in range(self.random.randint(2, 6)):
            depends_on = (self.random.choice(customers).business_key,) if self.random.random() < 0.5 else ()
            self._document(lane, self.random.choice(("invoice", "journal_entry")), f"D{number}", depends_on=depends_on)
        if self.random.random() < 0.3:
            destination.poison.add(self.random.choice([document.natural_id for document in self.documents if document.system == lane]))

    def _document(
        self, lane: str, kind: str, name: str, *, depends_on: tuple[str, ...] = (), cause: str = "rating", **more: object
    ) -> SealedDocument:
        position = len(self.documents) + 1
        period = self.random.choice(PERIODS)
        key, day = f"{lane}/entity/{kind}/{name}", date.fromisoformat(f"{period}-28")
        revision = int(str(more.pop("revision", 1)))
        document = SealedDocument(
            *(position, lane, "entity", kind, name, key, revision, "create" if revision == 1 else "update", None, day, day, period, "USD"),
            *(0 if kind == "customer" else position * 100, depends_on, "internal", cause, f"{key}#{revision}", more, "simulation"),
        )
        self.documents.append(document)
        self.register.seal(document)
        return document

    # What happens

    def push(self, lane: str) -> None:
        """Start a push unless the lane's lock is held; a poster that stands still does not always keep it."""
        self._planned.discard(lane)
        posters = self.posters[lane] = [poster for poster in self.posters[lane] if poster.alive]
        if any(not (poster.frozen_until > self.now and self.random.random() < 0.5) for poster in posters):
            self.push_later(lane)
            return
        if not self.register.work(lane, OPEN_STATES + ((State.POSTED,) if self.destinations[lane].manifest.look_up_lag is not None else ())):
            if not self.calm:
                self.push_later(lane)
            return
        self._pushes[lane] += self.calm
        if self._pushes[lane] > CALM_PUSHES:
            return
        poster = SimulatedPoster(self, lane, Mapper(self.destinations[lane].manifest))
        posters.append(poster)
        poster.start()

    def push_later(self, lane: str) -> None:
        if lane not in self._planned:
            self._planned.add(lane)
            self.at(self.now + (DAY if self.calm else self.random.uniform(1, 60)), lambda: self.push(lane))

    def _jump(self, seconds: float) -> None:
        self.skew = seconds
        self.tell("clock", f"jumps by {seconds:.1f} s")

    def _close(self) -> None:
        self.register.content.closed = frozenset({self.random.choice(PERIODS)})
        self.tell("register", f"closes {', '.join(self.register.content.closed)}")

    def _back_up(self, restored: float) -> None:
        backup = self.register.content.copy()
        self.tell("register", "is backed up")
        self.at(restored, lambda: self._restore(backup))

    def _restore(self, backup: Content) -> None:
        self.tell("register", "is restored from the backup; every poster was stopped before")
        for lane, posters in self.posters.items():
            for poster in posters:
                poster.kill()
            self.push_later(lane)
        closed = self.register.content.closed
        self.register.restore(backup)
        self.register.content.closed = closed

    def _correct(self) -> None:
        """Two people decide that a journal entry was misposted: it is reversed and posted anew."""
        found = [
            document
            for document in self.documents
            if document.document_type == "journal_entry"
            and document.cause == "rating"
            and self.register.content.deliveries[document.position].state in DELIVERED_STATES
            and not any(other.business_key == document.business_key and other.revision == 2 for other in self.documents)
        ]
        if not found:
            return
        original = self.random.choice(found)
        lane, name = original.system, original.natural_id
        self.tell("people", f"have {name} reversed and posted anew")
        reversal = self._document(
            lane, "journal_entry", f"{name}:reversal", depends_on=(), cause=REVERSAL, **{REVERSED_REFERENCE: original.reference}
        )
        self._document(lane, "journal_entry", name, depends_on=(reversal.business_key,), cause=REPOSTING, revision=2)

    def _calm_down(self) -> None:
        self.calm = True
        self.tell("everything", "goes well from now on")
        for lane, destination in self.destinations.items():
            destination.faults = 0.0
            # Nobody stands still any more.
            for poster in self.posters[lane]:
                poster.thaw()
            self.push_later(lane)

    # The rules at the end

    def _check(self) -> None:
        deliveries, closed = self.register.content.deliveries, self.register.content.closed
        sealed = {document.reference for document in self.documents}
        stopped: set[str] = set()
        for document in self.documents:
            delivery = deliveries[document.position]
            destination = self.destinations[document.system]
            there = destination.held.get(document.reference, [])
            final = State.VERIFIED if destination.manifest.look_up_lag is not None else State.POSTED
            state, name = delivery.state, document.natural_id
            if state in (final, State.REVERSED):
                if len(there) != 1 or not destination.complete(document):
                    raise BrokenRuleError(f"{name} is {state}, and {len(there)} of it are there")
                if there[0].document.total_minor != document.total_minor:
                    raise BrokenRuleError(f"{name} is there with another amount")
                continue
            # A later revision waits for the one before it.
            waits = stopped.intersection((*document.depends_on, document.business_key)) or document.period in closed
            stopped.add(document.business_key)
            if state is State.REJECTED and (name not in destination.poison or there):
                raise BrokenRuleError(f"{name} is rejected, and {len(there)} of it are there")
            if state is State.PARKED and len(there) > 1:
                raise BrokenRuleError(f"{name} is parked, and {len(there)} of it are there")
            if state not in (State.REJECTED, State.PARKED) and not waits:
                raise BrokenRuleError(f"{name} is left {state} ({delivery.reason})")
        for lane, destination in self.destinations.items():
            strange = destination.held.keys() - sealed
            if strange:
                raise BrokenRuleError(f"{lane} holds {', '.join(sorted(strange))}, which nobody sealed")


def simulate(seed: int, *, tracing: bool = False) -> History:
    return Simulation(seed, tracing=tracing).run()


def replay(seed: int) -> History:
    """The same history, told."""
    return replace(simulate(seed, tracing=True))
