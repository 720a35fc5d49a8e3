"""Gathers the facts of one installation: waits for no writer and asks no destination.

What cannot be looked at makes the alerts that depend on it neither raised nor over, and hides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from dagster_project.alerting.degraded import Degradation, destinations_degraded, warehouse_degraded
from dagster_project.alerting.facts import Facts, FailedRun, Integrity
from dagster_project.alerting.published import broken_checkpoints, held_lines, listed
from dagster_project.checklist.step import ChecklistStep
from dagster_project.close.installation import Installation
from dagster_project.open_lineage.undelivered import delivery_state
from dagster_project.oversight.auditing import audit_register, kept_audit
from dagster_project.quantities import exponents
from dagster_project.watch.late_usage import late_usage
from reverse_etl.alerting import AlertKind
from reverse_etl.alerting.memory import Memory
from reverse_etl.alerting.policy import Holding
from reverse_etl.alerting.sending import ChannelState, channel_states, memory_of
from reverse_etl.errors import RegisterError
from reverse_etl.oversight.undelivered import UNDELIVERED_STATES, lane_ages
from reverse_etl.posting.pacing.overview import destination_states
from reverse_etl.register import ApprovalRequest, ExceptionRecord, PeriodChange, Register, WaitingDocuments
from reverse_etl.register.approvals import superseded
from reverse_etl.register.records.periods import OPEN

if TYPE_CHECKING:
    from dagster import DagsterInstance

AUDITED_EVERY = timedelta(hours=24)
BROKEN_AUDITED_EVERY = timedelta(hours=1)
LONGEST_REASON = 300
OF_THE_REGISTER = (
    AlertKind.EXCEPTIONS,
    AlertKind.SLA_BREACH,
    AlertKind.DRIFT,
    AlertKind.BLOCKED_CLOSE,
    AlertKind.LATE_USAGE,
    AlertKind.DEGRADED,
)
OF_CHECKPOINTS = (AlertKind.DRIFT, AlertKind.SLA_BREACH, AlertKind.BLOCKED_CLOSE)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Registered:
    waiting: tuple[WaitingDocuments, ...] = ()
    exceptions: tuple[ExceptionRecord, ...] = ()
    documents: Mapping[int, tuple[str, str, int]] | None = None
    periods: tuple[PeriodChange, ...] = ()
    undecided: tuple[ApprovalRequest, ...] = ()


def holding(installation: Installation, now: datetime | None = None, *, instance: DagsterInstance | None = None, audit: bool = False) -> Holding:
    """Every alert that holds now, the worst first."""
    from dagster_project.alerting.conditions import judged

    return judged(gather(installation, now or datetime.now(UTC), instance=instance, audit=audit))


def gather(installation: Installation, now: datetime, *, instance: DagsterInstance | None = None, audit: bool = False) -> Facts:
    """``instance``: the Dagster instance, where it is open already. ``audit``: audit the register if that was not done for a day."""
    settings, blind = installation.settings, _Blind()
    memory = _writable(memory_of(settings), now)
    registered = blind.one(lambda: _registered(installation, now), *OF_THE_REGISTER) or _Registered()
    closed = {change.entity: change for change in registered.periods if change.status != OPEN}
    warehouse = installation.warehouse
    if settings.published_path.is_file():
        accepted = min((closed[entity].landing_position or 0 if entity in closed else 0 for entity in settings.entities), default=0)
        breaks = blind.many(lambda: broken_checkpoints(warehouse, memory, exponents(), now), *OF_CHECKPOINTS)
        lines = blind.many(lambda: held_lines(warehouse), AlertKind.DEGRADED, AlertKind.EXCEPTIONS)
        rows = blind.many(lambda: listed(warehouse, memory, accepted, now), AlertKind.EXCEPTIONS)
    else:
        breaks, lines, rows = (), (), ()
    late = blind.many(lambda: late_usage(installation), AlertKind.LATE_USAGE)
    degraded = blind.many(lambda: _degraded(installation, registered.waiting, now), AlertKind.DEGRADED, AlertKind.SLA_BREACH)
    channels = blind.many(lambda: channel_states(settings) if settings.alerts.channels else (), AlertKind.DEGRADED)
    closed_at = {f"{change.entity}|{change.period}": change.at for change in registered.periods if change.status != OPEN}
    return Facts(
        now=now,
        settings=settings.alerts,
        exponents=exponents(),
        waiting=registered.waiting,
        lanes=lane_ages(registered.waiting, settings.service_levels, now),
        exceptions=registered.exceptions,
        documents=registered.documents or {},
        undecided=registered.undecided,
        approval_hours=settings.service_levels.approval_hours,
        degraded=degraded,
        degraded_since=_since(memory, degraded, channels, now),
        checkpoints=breaks,
        held=lines,
        listed=rows,
        late_usage=late,
        checklist=blind.many(lambda: _checklist(installation, now), AlertKind.BLOCKED_CLOSE, AlertKind.SLA_BREACH),
        runs=blind.many(lambda: _runs(installation, instance, closed_at, now), AlertKind.FAILED_RUN, AlertKind.BLOCKED_CLOSE),
        integrity=blind.one(lambda: _integrity(installation, memory, now, audit), AlertKind.REGISTER_INTEGRITY),
        channels=channels,
        lineage=blind.one(lambda: delivery_state(settings), AlertKind.DEGRADED),
        blind=blind.reasons,
    )


class _Blind:
    """Looks at one source after the other, and remembers which could not be looked at."""

    def __init__(self) -> None:
        self.reasons: dict[AlertKind, str] = {}

    def one(self, look: Callable[[], T | None], *kinds: AlertKind) -> T | None:
        try:
            return look()
        except Exception as error:
            # Whatever goes wrong with one source, of which some raise errors of their libraries, the others are still looked at.
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON]
            self.reasons.update({kind: reason for kind in kinds if kind not in self.reasons})
            return None

    def many(self, look: Callable[[], tuple[T, ...]], *kinds: AlertKind) -> tuple[T, ...]:
        return self.one(look, *kinds) or ()


def _writable(memory: Memory, now: datetime) -> Memory | None:
    """The memory; None for a reader who may not write there, to whom everything began now."""
    from reverse_etl.alerting.memory import AlertMemoryError

    try:
        memory.observed("looked", [], now)
    except AlertMemoryError:
        return None
    return memory


def _registered(installation: Installation, now: datetime) -> _Registered:
    allowed = installation.settings.service_levels.approval
    with closing(installation.open_register()) as register:
        exceptions = tuple(register.exceptions())
        requests = register.approval_requests()
        stale = superseded(requests)
        return _Registered(
            waiting=tuple(register.waiting(UNDELIVERED_STATES)),
            exceptions=exceptions,
            documents=_documents(register, exceptions),
            periods=tuple(register.periods()),
            undecided=tuple(one for one in requests if one.status == "open" and one.request_id not in stale and now - one.requested_at > allowed),
        )


def _documents(register: Register, exceptions: tuple[ExceptionRecord, ...]) -> dict[int, tuple[str, str, int]]:
    positions = sorted({entry.document_position for entry in exceptions if entry.document_position is not None})
    if not positions:
        return {}
    return {one.position: (one.system, one.currency, one.total_minor) for one in register.documents(positions=positions)}


def _checklist(installation: Installation, now: datetime) -> tuple[ChecklistStep, ...]:
    """Of every close that is somebody's turn: what is closed and not finished, and the first open period. Those after it wait for it."""
    from dagster_project.checklist.gathering import checklists_of, unfinished

    with closing(installation.open_register()) as register:
        first_open = {entity: register.first_open_period(entity, installation.settings.first_period) for entity in installation.settings.entities}
    return checklists_of(installation, [key for key in unfinished(installation, now) if key.period <= first_open[key.entity]], now)


def _degraded(installation: Installation, waiting: tuple[WaitingDocuments, ...], now: datetime) -> tuple[Degradation, ...]:
    return (*destinations_degraded(destination_states(installation.settings), waiting, exponents()), *warehouse_degraded(installation, now))


def _since(memory: Memory | None, degraded: tuple[Degradation, ...], channels: tuple[ChannelState, ...], now: datetime) -> Mapping[str, datetime]:
    subjects = [f"{one.subject} {one.mode}" for one in degraded if one.since is None]
    subjects += [f"alert channel {channel.name}" for channel in channels if channel.problem is not None]
    return {} if memory is None else memory.observed("degraded", subjects, now)


def _runs(installation: Installation, instance: DagsterInstance | None, closed_at: Mapping[str, datetime], now: datetime) -> tuple[FailedRun, ...]:
    from dagster_project.alerting.runs import failed_runs

    settings = installation.settings
    if instance is None and settings.dagster_url is None and not (settings.home / "dagster" / "history").is_dir():
        # Nothing ever ran here, and whoever looks makes no instance.
        return ()
    from dagster_project.runs.instance import open_instance

    with open_instance(settings) if instance is None else nullcontext(instance) as opened:
        return failed_runs(opened, settings, closed_at, now)


def _integrity(installation: Installation, memory: Memory | None, now: datetime, audit: bool) -> Integrity | None:
    """What the last audit found, whoever asked for it; a new one where that is wanted and the last is old."""
    kept = kept_audit(installation)
    if audit and (kept is None or now - kept.at > (BROKEN_AUDITED_EVERY if kept.findings else AUDITED_EVERY)):
        # What it finds is kept, and so is that the anchors cannot be read.
        with suppress(RegisterError):
            audit_register(installation)
        kept = kept_audit(installation)
    if kept is None:
        return None
    since = {} if memory is None else memory.observed("integrity", ["register"] if kept.findings else [], kept.at)
    return Integrity(kept.findings, since.get("register", kept.at))
