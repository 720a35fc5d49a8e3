"""What works less than normally now: destinations, the warehouse, the channels of alerts. Pure but for ``degradations``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reverse_etl.alerting import MoneyAtRisk, Severity
from reverse_etl.alerting.alert import money_at_risk
from reverse_etl.locks import LockHolder, lock_holder

if TYPE_CHECKING:
    from dagster_project.close.installation import Installation
    from reverse_etl.posting.pacing.overview import DestinationState
    from reverse_etl.register import WaitingDocuments

HOLD, THROTTLED, VERIFY_ONLY, MAINTENANCE, QUOTA, CIRCUIT = "hold", "throttled", "verify_only", "maintenance", "quota", "circuit"
UNUSABLE, WAREHOUSE_LOCKED, WAREHOUSE_OPEN_ELSEWHERE = "unusable", "warehouse_locked", "warehouse_open_elsewhere"
LONGEST_ORDINARY_PAUSE_SECONDS = 60.0
PAUSED = "paused"
WAREHOUSE = "warehouse"


@dataclass(frozen=True, slots=True)
class Degradation:
    """``subject``: a destination, or the warehouse. ``mode``: hold, throttled, verify_only, maintenance, quota, circuit, paused, unusable,
    warehouse_locked or warehouse_open_elsewhere. ``reason``: one sentence that names the cause, and who or what it is, since when and until when
    as far as that is known. ``waiting``: documents that wait for it. ``next_command``: what ends it, or looks at it.
    """

    subject: str
    mode: str
    severity: Severity
    reason: str
    since: datetime | None = None
    until: datetime | None = None
    waiting: int = 0
    at_risk: tuple[MoneyAtRisk, ...] = ()
    next_command: str | None = None

    @property
    def told(self) -> str:
        """The reason, with what waits for its end."""
        if not self.waiting:
            return self.reason
        return f"{self.reason}; {self.waiting:,} document{'s wait' if self.waiting != 1 else ' waits'} for it"

    def to_record(self) -> dict[str, Any]:
        """For programs: as JSON carries it."""
        return {**asdict(self), "severity": self.severity.label, "told": self.told}


def degradations(installation: Installation, now: datetime | None = None) -> tuple[Degradation, ...]:
    """What is degraded now, of one installation. Waits for no writer and asks no destination.

    Raises:
        RegisterError: the register cannot be read.
    """
    return (*destination_degradations(installation), *warehouse_degraded(installation, now or datetime.now(UTC)))


def destination_degradations(installation: Installation) -> tuple[Degradation, ...]:
    """The same of the destinations alone."""
    from dagster_project.quantities import exponents
    from reverse_etl.oversight.undelivered import UNDELIVERED_STATES
    from reverse_etl.posting.pacing.overview import destination_states

    with closing(installation.open_register()) as register:
        waiting = register.waiting(UNDELIVERED_STATES)
    return destinations_degraded(destination_states(installation.settings), waiting, exponents())


def warehouse_degraded(installation: Installation, now: datetime) -> Iterator[Degradation]:
    """Who keeps the warehouse from being written: another program, or one of ours for longer than any step of a close should."""
    settings = installation.settings
    holder = lock_holder(settings.lock_folder / "warehouse.lock")
    locked = warehouse_locked(holder, now, timedelta(minutes=settings.alerts.warehouse_locked_minutes))
    if locked is not None:
        yield locked
    occupant = installation.warehouse.occupant() if holder is None else None
    if occupant is not None:
        reason = f"the warehouse is open in {occupant}, and nothing can be landed, built or closed meanwhile"
        read = f"; who only reads opens {settings.published_path}, which nobody waits for"
        yield Degradation(WAREHOUSE, WAREHOUSE_OPEN_ELSEWHERE, Severity.WARNING, reason + read, next_command="tieout doctor")


def destinations_degraded(
    states: Sequence[DestinationState], waiting: Sequence[WaitingDocuments], exponents: Mapping[str, int]
) -> tuple[Degradation, ...]:
    """Of every destination that is not asked as usual, what is the matter."""
    return tuple(found for state in states for found in _of(state, [one for one in waiting if one.system == state.name], exponents))


def warehouse_locked(holder: LockHolder | None, now: datetime, allowed: timedelta) -> Degradation | None:
    """A writer that has held the warehouse for longer than any step of a close should."""
    if holder is None or now - holder.since < allowed:
        return None
    reason = f"the warehouse has been locked by {holder.holder} since {_at(holder.since)}: nothing can be landed, built or closed meanwhile"
    return Degradation(WAREHOUSE, WAREHOUSE_LOCKED, Severity.ERROR, reason, holder.since, next_command="tieout doctor")


def _of(state: DestinationState, waiting: Sequence[WaitingDocuments], exponents: Mapping[str, int]) -> Iterator[Degradation]:
    documents = sum(one.documents for one in waiting)
    at_risk = money_at_risk(((one.currency, one.total_minor) for one in waiting), exponents)
    name = state.name

    def degradation(
        mode: str, severity: Severity, reason: str, since: datetime | None = None, until: datetime | None = None, command: str | None = None
    ) -> Degradation:
        return Degradation(name, mode, severity, reason, since, until, documents, at_risk, command or "tieout destinations")

    normal = f"tieout destinations mode {name} normal --reason '...'"
    if state.problem is not None:
        yield degradation(UNUSABLE, Severity.ERROR, f"{name} cannot be used: {state.problem}", command=f"tieout destinations check {name}")
        return
    if state.mode == HOLD and state.mode_set_at is not None:
        told = f"{name} is on hold since {_at(state.mode_set_at)}, set by {state.mode_set_by}: {state.mode_reason}"
        yield degradation(HOLD, Severity.WARNING, told, state.mode_set_at, command=normal)
    elif state.mode == VERIFY_ONLY and state.mode_set_at is not None:
        told = f"{name} is only read and sent nothing since {_at(state.mode_set_at)}, set by {state.mode_set_by}: {state.mode_reason}"
        yield degradation(VERIFY_ONLY, Severity.WARNING, told, state.mode_set_at, command=normal)
    elif state.mode == THROTTLED and state.mode_set_at is not None:
        by = f"set by {state.mode_set_by}: {state.mode_reason}"
        told = f"{name} is throttled to {state.mode_fraction:g} of its limits since {_at(state.mode_set_at)}, {by}"
        yield degradation(THROTTLED, Severity.INFO, told, state.mode_set_at, command=normal)
    # Planned or passing: worth a message only where something waits for it.
    severity = Severity.WARNING if documents else Severity.INFO
    if state.withheld_by == MAINTENANCE and state.withheld is not None:
        yield degradation(MAINTENANCE, severity, state.withheld, until=state.withheld_until)
    elif state.withheld_by == QUOTA and state.withheld is not None:
        yield degradation(QUOTA, severity, state.withheld, until=state.withheld_until)
    elif state.withheld_by == CIRCUIT and state.withheld is not None:
        command = f"tieout destinations check {name} --ask"
        yield degradation(CIRCUIT, Severity.ERROR, state.withheld, state.unavailable_since, command=command)
    elif state.paused_seconds > LONGEST_ORDINARY_PAUSE_SECONDS:
        yield degradation(PAUSED, severity, f"{name} asked to be left alone for another {state.paused_seconds:.0f} s")


def _at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
