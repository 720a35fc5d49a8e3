"""What the conditions judge: everything that the installation knows of itself, gathered at one moment. Instants are aware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dagster_project.alerting.degraded import Degradation
from dagster_project.checklist.step import ChecklistStep
from dagster_project.open_lineage.undelivered import DeliveryState
from dagster_project.watch.late_usage import LateUsage
from reverse_etl.alerting import AlertKind
from reverse_etl.alerting.sending import ChannelState
from reverse_etl.alerting.settings import AlertSettings
from reverse_etl.oversight.undelivered import LaneAge
from reverse_etl.register import ApprovalRequest, ExceptionRecord, WaitingDocuments


@dataclass(frozen=True, slots=True)
class BrokenCheckpoint:
    """Breaks of one checkpoint of an entity (``*`` = all) and period. ``amounts``: currency -> what the measure that differs most misses, in minor
    units. ``examples``: the first breaks, in words. ``since``: when it was first seen broken. ``sla_hours``: within which ``owner`` clears it."""

    checkpoint: str
    title: str
    entity: str
    period: str
    owner: str
    sla_hours: int
    breaks: int
    amounts: Mapping[str, int]
    examples: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class HeldLines:
    """Lines of an ended month that wait for input. ``countries``: of those who are billed."""

    entity: str
    period: str
    reason: str
    meaning: str
    what_to_do: str
    lines: int
    customers: int
    countries: tuple[str, ...]
    amounts: Mapping[str, int]
    since: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A number of rows that a person must look at (quarantined events, refused rows, stopped gates), and the first of them in words."""

    subject: str
    rows: int
    cause: str
    next_command: str
    since: datetime
    entity: str | None = None
    period: str | None = None
    amounts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepFailure:
    """``step`` is empty where a run failed and no step of it was under way."""

    step: str
    error: str


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run of a job that failed and was not made good since. ``keys``: what of its partitions is still open, rising: ``entity|period``, or days;
    empty for a job without. ``abandoned``: its process ended before it did."""

    run_id: str
    job: str
    keys: tuple[str, ...]
    failures: tuple[StepFailure, ...]
    ended_at: datetime
    closes: bool
    abandoned: bool = False


@dataclass(frozen=True, slots=True)
class Integrity:
    """What does not hold in the register's chain, deliveries, numbers, seals or anchors, as of when it was looked at."""

    findings: tuple[str, ...]
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """``lanes``: the age of what waits. ``undecided``: requests that wait for a decision longer than
    ``approval_hours``. ``documents``: position -> (system, currency, total in minor units) of the documents
    that open exceptions are about. ``blind``: kinds of which something could not be looked at, with why."""

    now: datetime
    settings: AlertSettings
    exponents: Mapping[str, int]
    waiting: tuple[WaitingDocuments, ...] = ()
    lanes: tuple[LaneAge, ...] = ()
    exceptions: tuple[ExceptionRecord, ...] = ()
    documents: Mapping[int, tuple[str, str, int]] = field(default_factory=dict)
    undecided: tuple[ApprovalRequest, ...] = ()
    approval_hours: float = 48.0
    degraded: tuple[Degradation, ...] = ()
    degraded_since: Mapping[str, datetime] = field(default_factory=dict)
    checkpoints: tuple[BrokenCheckpoint, ...] = ()
    held: tuple[HeldLines, ...] = ()
    listed: tuple[Listed, ...] = ()
    late_usage: tuple[LateUsage, ...] = ()
    runs: tuple[FailedRun, ...] = ()
    checklist: tuple[ChecklistStep, ...] = ()
    integrity: Integrity | None = None
    channels: tuple[ChannelState, ...] = ()
    lineage: DeliveryState | None = None
    blind: Mapping[AlertKind, str] = field(default_factory=dict)
