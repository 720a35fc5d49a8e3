"""What is sealed and not at its destination: how old it is, and what of it stopped for a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reverse_etl.documents import State
from reverse_etl.oversight.cases import Case, next_commands
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.register import ExceptionRecord, Register, WaitingDocuments
from reverse_etl.service_levels import ServiceLevels

STOPPED_STATES = (State.REJECTED, State.PARKED, State.HELD)
IN_DOUBT = (State.AMBIGUOUS,)
UNDELIVERED_STATES = (*OPEN_STATES, *STOPPED_STATES)


@dataclass(frozen=True, slots=True)
class LaneAge:
    """The undelivered documents of one destination and legal entity. ``at_risk``: (currency, minor units) of all of them; ``allowed``: within
    which time the oldest should have been delivered."""

    system: str
    entity: str
    documents: int
    stopped: int
    at_risk: tuple[tuple[str, int], ...]
    oldest_sealed_at: datetime
    age: timedelta
    allowed: timedelta

    @property
    def is_late(self) -> bool:
        return self.age > self.allowed


def lane_ages(waiting: Iterable[WaitingDocuments], levels: ServiceLevels, now: datetime) -> tuple[LaneAge, ...]:
    """The lanes that hold anything undelivered, by destination and legal entity. Pure."""
    lanes: defaultdict[tuple[str, str], list[WaitingDocuments]] = defaultdict(list)
    for found in waiting:
        lanes[found.system, found.entity].append(found)
    return tuple(_age(system, entity, lanes[system, entity], levels, now) for system, entity in sorted(lanes))


@dataclass(frozen=True, slots=True)
class StoppedDocument:
    """A document that does not go on by itself, or of which nobody knows whether it took effect; with what to do about it."""

    reference: str
    name: str
    document_type: str
    system: str
    entity: str
    period: str
    state: str
    reason: str
    currency: str
    total_minor: int
    sealed_at: datetime
    next_commands: tuple[str, ...]


def stopped_documents(register: Register, system: str, limit: int) -> tuple[int, tuple[StoppedDocument, ...]]:
    """How many documents of a destination stopped or are in doubt, and the first of them by position."""
    positions = register.positions(system=system, states=(*STOPPED_STATES, *IN_DOUBT))
    shown = list(positions[:limit])
    if not shown:
        return 0, ()
    sealed_at = register.sealed_at(shown)
    exceptions: defaultdict[int, list[ExceptionRecord]] = defaultdict(list)
    for exception in register.exceptions():
        if exception.document_position is not None:
            exceptions[exception.document_position].append(exception)
    return len(positions), tuple(
        StoppedDocument(
            reference=document.reference,
            name=document.number or document.natural_id,
            document_type=document.document_type,
            system=document.system,
            entity=document.entity,
            period=document.period,
            state=delivery.state.value,
            reason=delivery.reason or "its answer was lost",
            currency=document.currency,
            total_minor=document.total_minor,
            sealed_at=sealed_at[document.position],
            next_commands=next_commands(Case(tuple(exceptions[document.position]), document, delivery)),
        )
        for document, delivery in register.deliveries(positions=shown)
    )


def _age(system: str, entity: str, found: list[WaitingDocuments], levels: ServiceLevels, now: datetime) -> LaneAge:
    sums: defaultdict[str, int] = defaultdict(int)
    for one in found:
        sums[one.currency] += one.total_minor
    oldest = min(one.oldest_sealed_at for one in found)
    return LaneAge(
        system=system,
        entity=entity,
        documents=sum(one.documents for one in found),
        stopped=sum(one.documents for one in found if one.state in STOPPED_STATES),
        at_risk=tuple(sorted((currency, minor) for currency, minor in sums.items() if minor)),
        oldest_sealed_at=oldest,
        age=now - oldest,
        allowed=levels.undelivered(system),
    )
