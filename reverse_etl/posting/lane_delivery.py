"""Delivers what is sealed for one lane in bounded chunks, so that memory depends on a chunk and not on how much there is."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.poster import Poster, steady
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.posting.protocol.dependencies import keys_of
from reverse_etl.posting.verification import verify
from reverse_etl.register import Delivery, Register
from reverse_etl.register.deliveries import delivery_hash
from reverse_etl.systems.contract import Manifest, System

CHUNK = 5_000
WORK_STATES = (*OPEN_STATES, State.POSTED)

Work = list[tuple[SealedDocument, Delivery]]


@dataclass(slots=True)
class Tally:
    """What became of the documents. ``by_document_type``: document type -> state -> documents."""

    by_document_type: dict[str, Counter[str]] = field(default_factory=dict)
    became: Counter[State] = field(default_factory=Counter)

    def add(self, document_type: str, before: State, after: State) -> None:
        self.by_document_type.setdefault(document_type, Counter())[after.value] += 1
        if after is not before:
            self.became[after] += 1
        self.became[State.POSTED] += after is State.VERIFIED and before is not State.POSTED

    def standing(self, *states: State) -> int:
        return sum(counts[state.value] for counts in self.by_document_type.values() for state in states)


class LaneDelivery:
    """One push of a lane: ``deliver`` once, then read what came of it. ``problem``: why the destination was given up."""

    def __init__(
        self,
        register: Register,
        system: System,
        pace: Pace,
        book: DeliveryBook,
        *,
        clock: Callable[[], datetime],
        patience: float,
        chunk: int = CHUNK,
    ) -> None:
        self._register = register
        self._system = system
        self._pace = pace
        self._book = book
        self._clock = steady(clock)
        self._began = self._clock()
        self._patience = patience
        self._chunk = chunk
        self._unfinished: dict[int, tuple[str, State, State]] = {}
        self._settled = 0
        self._expected: dict[int, str] = {}
        self._moved: dict[int, SealedDocument] | None = None
        self.tally = Tally()
        self.requests = 0
        self.problem: str | None = None

    @property
    def moved(self) -> tuple[SealedDocument, ...]:
        """What was left alone because it stood otherwise than expected, or was changed by somebody else meanwhile."""
        return tuple((self._moved or {}).values())

    def expect(self, standings: Mapping[int, str]) -> None:
        """Deliver only what still stands as expected. ``standings``: position -> hash of the delivery."""
        self._expected, self._moved = dict(standings), {}

    def deliver(self, positions: Sequence[int], *, with_dependencies: bool) -> None:
        """Bring these documents (by position) as far as they get, once without waiting and then, what is unresolved, within the patience.

        ``with_dependencies``: what they depend on goes too.
        """
        left, first = positions, True
        while left:
            single = first and len(left) <= self._chunk
            settled, patience = self._settled, self._patience if single or not first else 0.0
            remaining = array("q")
            for start in range(0, len(left), self._chunk):
                some = left[start : start + self._chunk]
                if self._may_go_on():
                    remaining.extend(self._run(some, patience, with_dependencies))
                elif first:
                    self._count_untouched(some)
            if single or not self._may_go_on() or (not first and self._settled == settled):
                break
            left, first = remaining, False
        for document_type, before, after in self._unfinished.values():
            self.tally.add(document_type, before, after)

    def _may_go_on(self) -> bool:
        return self.problem is None and self._pace.withheld(sending=False) is None

    def _run(self, positions: Sequence[int], patience: float, with_dependencies: bool) -> Iterator[int]:
        """Deliver and verify one chunk; yields those that may get further later."""
        work = self._work(self._register.deliveries(positions=positions))
        if with_dependencies:
            work = self._with_dependencies(work)
        work = self._as_expected(work)
        if not work:
            return
        self._pace.resume()
        poster = Poster(self._register, self._system, self._book, self._pace, clock=self._clock, began=self._began, patience=patience)
        poster.run(work)
        self.requests += poster.requests
        states = {document.position: poster.tracked[document.position].delivery for document, _ in work}
        posted = [
            (document, states[document.position])
            for document, _ in work
            if states[document.position].state is State.POSTED and can_be_verified(self._system, document)
        ]
        self.problem = poster.availability.unavailable
        if self._may_go_on():
            self._pace.resume()
            report = verify(self._system, self._pace, self._book, posted, poster.hints, patience)
            states.update({document.position: delivery for document, delivery in report.deliveries})
            self.requests, self.problem = self.requests + report.requests, report.unreadable
        self._look_for_moves(work, states)
        for document, delivery in work:
            after = states[document.position].state
            if self._count(document, delivery.state, after):
                yield document.position

    def _as_expected(self, work: Work) -> Work:
        """Without what stands otherwise than it was planned; from its first turn on nobody but this push may move it."""
        if self._moved is None:
            return work
        for document, delivery in work:
            if self._expected.pop(document.position, None) not in (None, delivery_hash(delivery)):
                self._moved[document.position] = document
        return [(document, delivery) for document, delivery in work if document.position not in self._moved]

    def _look_for_moves(self, work: Work, states: Mapping[int, Delivery]) -> None:
        if self._moved is None:
            return
        for document, stored in self._register.deliveries(positions=[document.position for document, _ in work]):
            # A reversal that is posted moves its original, as planned.
            if stored != states[document.position] and stored.state is not State.REVERSED:
                self._moved[document.position] = document

    def _count(self, document: SealedDocument, before: State, after: State) -> bool:
        """Whether the document may get further in this push."""
        _, known, last = self._unfinished.pop(document.position, (None, before, before))
        self._settled += after is not last
        if after in OPEN_STATES or (after is State.POSTED and can_be_verified(self._system, document)):
            self._unfinished[document.position] = (document.document_type, known, after)
            return True
        self.tally.add(document.document_type, known, after)
        return False

    def _count_untouched(self, positions: Sequence[int]) -> None:
        for document_type, state in self._register.states(positions):
            self.tally.add(document_type, state, state)

    def _work(self, entries: Iterable[tuple[SealedDocument, Delivery]]) -> Work:
        return [
            (document, delivery)
            for document, delivery in entries
            if delivery.state in OPEN_STATES or (delivery.state is State.POSTED and can_be_verified(self._system, document))
        ]

    def _with_dependencies(self, work: Work) -> Work:
        """The chunk and what it depends on, directly or not, as far as that is not delivered; by position."""
        found = {document.position: (document, delivery) for document, delivery in work}
        fresh = [document for document, _ in work]
        while fresh:
            keys = sorted({key for document in fresh for key in keys_of(document)})
            standings = [standing for entries in self._register.standings(keys).values() for standing in entries]
            missing = [standing.position for standing in standings if standing.position not in found and standing.state in WORK_STATES]
            added = self._work(self._register.deliveries(positions=missing)) if missing else []
            found.update({document.position: (document, delivery) for document, delivery in added})
            fresh = [document for document, _ in added]
        return [found[position] for position in sorted(found)]


def can_be_verified(system: System, document: SealedDocument) -> bool:
    return system.manifest.of(document.document_type).look_up_lag is not None


def positions_of(
    register: Register,
    manifest: Manifest,
    entity: str,
    period: str | None,
    document_types: Collection[str] | None,
    only: Collection[int] | None = None,
) -> Sequence[int]:
    """The positions of what is open, or posted and still to be verified, of the period, types and documents asked for, in order."""
    types: Sequence[str | None] = [None] if document_types is None else sorted(document_types)
    verifiable = [name for name in manifest.document_types if manifest.of(name).look_up_lag is not None and (name in types or types == [None])]
    asked = [(name, OPEN_STATES) for name in types] + [(name, (State.POSTED,)) for name in verifiable]
    found = array("q")
    for document_type, states in asked:
        found.extend(register.positions(system=manifest.system, entity=entity, period=period, document_type=document_type, states=states))
    return array("q", sorted(position for position in found if only is None or position in only))
