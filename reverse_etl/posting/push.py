"""Push what is sealed for one destination and entity: post, resolve, verify."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from reverse_etl.correlation import correlated
from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting import notices
from reverse_etl.posting.availability import Availability
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.lane_delivery import CHUNK, LaneDelivery, Tally, positions_of
from reverse_etl.posting.lanes import lane_lock
from reverse_etl.posting.pacing import CIRCUIT, Pace, Withheld, limits_of
from reverse_etl.posting.plans.holding import all_delivered, refuse_moved, require_unmoved
from reverse_etl.posting.plans.plan import LanePlan
from reverse_etl.posting.plans.planning import situation_of
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.posting.report import PushReport
from reverse_etl.posting.restoration import Witnesses, renew_if_posted_unknown
from reverse_etl.progress import Course, is_watched
from reverse_etl.register import Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Manifest, System

DEFAULT_PATIENCE_SECONDS = 20.0
LOG = logging.getLogger(__name__)


def push(
    register: Register,
    system: System,
    entity: str,
    period: str | None = None,
    *,
    document_types: Collection[str] | None = None,
    planned: LanePlan | None = None,
    only: Collection[int] | None = None,
    settings_or_lock_folder: Settings | Path,
    actor: str,
    correlation_id: str = "",
    patience: float = DEFAULT_PATIENCE_SECONDS,
    clock: Callable[[], datetime] = utc_now,
    chunk: int = CHUNK,
) -> PushReport:
    """Deliver every document that is not yet verified, of one period or of all, with whatever it depends on.

    ``document_types`` narrows it to some types (and what they depend on), ``only`` to some documents (by position). ``planned``: exactly what was
    planned for this destination and entity, and nothing if anything moved since; of a plan that was carried out already nothing is left.

    Of a type that cannot be looked up nothing is verified here: that the destination holds it is for reconciliation to say.

    What the destination refuses, and what cannot be known, is recorded as an exception; the rest goes on. A destination that is down ends
    the push with everything still pending, and so do a maintenance window, a hold and a quota that is used up: the report says until when.
    ``patience``: how many seconds to wait for lost answers to be resolved.
    ``chunk``: how many documents are held in memory at once.

    Raises:
        LaneBusyError: another push works on this destination and entity.
        PlanMovedError: what was planned is no longer so. Nothing was sent, or, where a document changed in the middle of it, not that document.
        RegisterError: the register could not be written; whatever was sent is resolved by the next push.
    """
    folder = settings_or_lock_folder.lock_folder if isinstance(settings_or_lock_folder, Settings) else settings_or_lock_folder
    folder_of_witnesses = settings_or_lock_folder.audit_folder if isinstance(settings_or_lock_folder, Settings) else folder / "audit"
    name = system.manifest.system
    began = time.monotonic()
    witnesses = Witnesses(folder_of_witnesses)
    with (
        correlated(correlation_id, entity=entity, period=period, destination=name),
        lane_lock(register, folder, name, entity, _holder(actor, correlation_id)),
    ):
        witnesses.renew_if_put_back(register, actor)
        if planned is not None and all_delivered(register, planned):
            return replace(_report(name, entity, Tally(), requests=0, began=began), planned_before=len(planned.acting))
        with open_pace(settings_or_lock_folder, system.manifest) as pace:
            if planned is None:
                positions = positions_of(register, system.manifest, entity, period, document_types, only)
            else:
                require_unmoved(planned, register, situation_of(system.manifest, entity, pace), period)
                positions = [document.position for document in planned.acting]
            if not positions:
                return _report(name, entity, Tally(), requests=0, began=began)
            problem = Availability(pace, system).admit()
            withheld = pace.withheld(sending=False)
            tally, requests = Tally(), 0
            moved: tuple[SealedDocument, ...] = ()
            if problem is None and withheld is None:
                course = _course(register, system.manifest, entity, positions)
                book = DeliveryBook(register, register.claim_lane(name, entity, actor), correlation_id, course)
                witnesses.write_mark(register)
                if pace.withheld() is None:
                    renew_if_posted_unknown(register, system, pace, positions, actor)
                delivery = LaneDelivery(register, system, pace, book, clock=clock, patience=patience, chunk=chunk)
                if planned is not None:
                    delivery.expect({document.position: document.delivery_hash for document in planned.acting})
                narrowed = period is not None or document_types is not None
                delivery.deliver(positions, with_dependencies=narrowed and planned is None and only is None)
                tally, requests, problem, moved = delivery.tally, delivery.requests, delivery.problem, delivery.moved
                withheld = pace.withheld() if tally.standing(*OPEN_STATES) else None
                course.end()
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
            report = _report(name, entity, tally, requests=requests, began=began, withheld=withheld)
            _tell(report, problem or report.withheld)
            refuse_moved(moved)
            return report


def _holder(actor: str, correlation_id: str) -> str:
    return f"{actor} in run {correlation_id}" if correlation_id else actor


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


def _course(register: Register, manifest: Manifest, entity: str, positions: Sequence[int]) -> Course:
    """A step for every document that is sent, and one for every document that is looked up; counted only where somebody watches."""
    if not is_watched():
        return Course("", 0)
    steps = sum((state in OPEN_STATES) + (manifest.of(document_type).look_up_lag is not None) for document_type, state in register.states(positions))
    return Course(f"{manifest.system} {entity}", steps)


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


def _tell(report: PushReport, problem: str | None) -> None:
    if problem is not None:
        LOG.warning("%s takes nothing of %s now", report.system, report.entity, extra={"detail": problem})
    LOG.info("pushed to %s for %s: %s", report.system, report.entity, report.counts())
