"""Push what is sealed for one destination and entity: post, resolve, verify."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting import notices
from reverse_etl.posting.availability import Availability
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.lane_delivery import WORK_STATES, LaneDelivery, Tally, Work, positions_of
from reverse_etl.posting.lanes import lane_lock
from reverse_etl.posting.pacing import CIRCUIT, Pace, Withheld, limits_of
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.posting.protocol.dependencies import Dependencies, keys_of
from reverse_etl.posting.report import Plan, PlannedDocument, PushReport
from reverse_etl.register import Delivery, Register
from reverse_etl.register.contract import MASTER_DATA
from reverse_etl.register.records import HARD_CLOSED
from reverse_etl.register.register import utc_now
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Manifest, System

DEFAULT_PATIENCE_SECONDS = 20.0
STOPPED_STATES = (State.HELD, State.REJECTED, State.PARKED)


def push(
    register: Register,
    system: System,
    entity: str,
    period: str | None = None,
    *,
    document_types: Collection[str] | None = None,
    settings_or_lock_folder: Settings | Path,
    actor: str,
    correlation_id: str = "",
    patience: float = DEFAULT_PATIENCE_SECONDS,
    clock: Callable[[], datetime] = utc_now,
) -> PushReport:
    """Deliver every document that is not yet verified, of one period or of all, with whatever it depends on.

    ``document_types`` narrows it to some types (and what they depend on). Of a type that cannot be looked up nothing is verified here: that
    the destination holds it is for reconciliation to say.

    What the destination refuses, and what cannot be known, is recorded as an exception; the rest goes on. A destination that is down ends
    the push with everything still pending, and so do a maintenance window, a hold and a quota that is used up: the report says until when.
    ``patience``: how many seconds to wait for lost answers to be resolved.

    Raises:
        LaneBusyError: another push works on this destination and entity.
        RegisterError: the register could not be written; whatever was sent is resolved by the next push.
    """
    folder = settings_or_lock_folder.lock_folder if isinstance(settings_or_lock_folder, Settings) else settings_or_lock_folder
    name = system.manifest.system
    began = time.monotonic()
    with lane_lock(folder, name, entity, actor):
        positions = positions_of(register, name, entity, period, document_types)
        if not positions:
            return _report(name, entity, Tally(), requests=0, began=began)
        with open_pace(settings_or_lock_folder, system.manifest) as pace:
            problem = Availability(pace, system).admit()
            withheld = pace.withheld(sending=False)
            tally, requests = Tally(), 0
            if problem is None and withheld is None:
                book = DeliveryBook(register, register.claim_lane(name, entity, actor), correlation_id)
                delivery = LaneDelivery(register, system, pace, book, clock=clock, patience=patience)
                delivery.deliver(positions, with_dependencies=period is not None or document_types is not None)
                tally, requests, problem = delivery.tally, delivery.requests, delivery.problem
                withheld = pace.withheld()
            else:
                for document_type, state in register.states(positions):
                    tally.add(document_type, state, state)
            if withheld is not None:
                # Somebody, or the clock, decides when it goes on; only an outage is for a person to look at.
                problem = withheld.reason if withheld.kind == CIRCUIT else None
            if problem is not None:
                register.record_exception(notices.unavailable(name, entity, problem), actor, correlation_id)
            elif requests:
                register.resolve_exceptions([notices.UNAVAILABLE], [f"{name}/{entity}"], "the destination answers again", actor)
            return _report(name, entity, tally, requests=requests, began=began, withheld=withheld)


@contextmanager
def open_pace(settings_or_lock_folder: Settings | Path, manifest: Manifest) -> Iterator[Pace]:
    """One lane's access to a destination, with the limits that the installation and the manifest declare."""
    settings = settings_or_lock_folder if isinstance(settings_or_lock_folder, Settings) else None
    folder = settings.pacing_folder if settings else Path(str(settings_or_lock_folder))
    destination = settings.destinations.get(manifest.system) if settings else None
    pace = Pace(folder, manifest.system, limits_of(manifest, destination))
    try:
        yield pace
    finally:
        pace.close()


def work_of(register: Register, system: str, entity: str, period: str | None, document_types: Collection[str] | None = None) -> Work:
    """What is not yet verified, of the period and types asked for and of what it depends on, by position."""
    every = register.deliveries(system=system, entity=entity, states=WORK_STATES)
    if period is None and document_types is None:
        return every
    by_key: dict[str, list[int]] = {}
    for document, _ in every:
        by_key.setdefault(document.business_key, []).append(document.position)
    documents = {document.position: document for document, _ in every}
    wanted: set[int] = set()
    found = [
        document.position
        for document, _ in every
        if period in (None, document.period) and (document_types is None or document.document_type in document_types)
    ]
    while found:
        position = found.pop()
        if position not in wanted:
            wanted.add(position)
            found.extend(other for key in keys_of(documents[position]) for other in by_key.get(key, ()))
    return [(document, delivery) for document, delivery in every if document.position in wanted]


def plan(register: Register, system_name: str, entity: str, period: str | None = None) -> Plan:
    """What a push would do now; reads the register only."""
    work = work_of(register, system_name, entity, period)
    stopped = register.deliveries(system=system_name, entity=entity, period=period, states=STOPPED_STATES)
    dependencies = Dependencies(register, [document for document, _ in work])
    going = {document.business_key for document, delivery in work if delivery.state in OPEN_STATES}
    closed = {key: register.period_status(*key) == HARD_CLOSED for key in {(document.entity, document.period) for document, _ in work}}
    planned = []
    for document, delivery in sorted([*work, *stopped], key=lambda entry: entry[0].position):
        action, reason = _action(document, delivery, dependencies, going, closed.get((document.entity, document.period), False))
        planned.append(
            PlannedDocument(document.business_key, document.document_type, document.number, action, reason, document.currency, document.total_minor)
        )
    return Plan(system_name, entity, tuple(planned))


def _action(document: SealedDocument, delivery: Delivery, dependencies: Dependencies, going: set[str], closed: bool) -> tuple[str, str | None]:
    if delivery.state in STOPPED_STATES:
        return "blocked", f"{delivery.state}: {delivery.reason}"
    if delivery.state is State.POSTED:
        return "verify", None
    if delivery.doubt or delivery.written_ahead_at is not None:
        return "resolve", delivery.reason
    missing = dependencies.missing(document)
    if missing is not None and (missing.stopped or missing.business_key not in going):
        return "blocked", missing.reason
    if closed and document.document_type not in MASTER_DATA:
        return "blocked", f"{document.period} of {document.entity} is hard closed"
    return ("finish" if delivery.completed else "create"), delivery.reason


def _report(system: str, entity: str, tally: Tally, *, requests: int, began: float, withheld: Withheld | None = None) -> PushReport:
    return PushReport(
        system=system,
        entity=entity,
        posted=tally.became[State.POSTED],
        verified=tally.became[State.VERIFIED],
        rejected=tally.became[State.REJECTED],
        parked=tally.became[State.PARKED],
        ambiguous=tally.standing(State.AMBIGUOUS),
        pending=tally.standing(State.PENDING, State.IN_FLIGHT),
        requests=requests,
        seconds=time.monotonic() - began,
        by_document_type={name: dict(counts) for name, counts in tally.by_document_type.items()},
        withheld=withheld.reason if withheld else None,
        withheld_until=withheld.until if withheld else None,
    )
