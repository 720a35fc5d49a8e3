"""The steps of a close. Each asks one part to do its work and gives back that part's report; none decides what a document says."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from dagster_project.close.installation import Installation
from dagster_project.close.outbox import proposed, proposed_at_thresholds
from dagster_project.close.periods import landed_until, require_intact
from dagster_project.close.read_backs import ReadBack, append_read_back
from dagster_project.quantities import exponents, quantity
from reverse_etl.correlation import correlated
from reverse_etl.errors import TieoutError
from reverse_etl.register.contract import CARRIED_OVER
from reverse_etl.register.records.periods import OPEN

if TYPE_CHECKING:
    from reverse_etl.landing import LandingReport
    from reverse_etl.posting import PushReport
    from reverse_etl.posting.plans import LanePlan
    from reverse_etl.register import SealReport
    from reverse_etl.warehouse.mirror import MirrorReport

SHOWN_BREAKS = 5
LOG = logging.getLogger(__name__)


class NotTiedError(TieoutError):
    """A checkpoint of the period does not tie, so the period stays open."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One measure of one checkpoint, as ``reconciliation.checkpoints`` has it. Values are exact decimals, as text."""

    checkpoint: str
    title: str
    entity: str
    period: str
    measure: str
    unit: str
    left_side: str
    right_side: str
    left_value: str
    right_value: str
    excused_value: str
    difference: str
    break_count: int
    status: str

    @property
    def tied(self) -> bool:
        return self.status == "tied"

    def as_read(self, decimals: Mapping[str, int]) -> dict[str, str | int]:
        """The same for people: values with their unit, amounts with the decimals of their currency. Its title is wherever it is shown."""
        values = ("left_value", "right_value", "excused_value", "difference")
        told = {**asdict(self), **{name: quantity(getattr(self, name), self.unit, decimals) for name in values}}
        return {name: value for name, value in told.items() if name != "title"}


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A delivered row of reference data that is not used, as ``staging.refused_reference_rows`` has it."""

    file_name: str
    line_number: int
    subject: str
    rule: str
    meaning: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    checkpoints: tuple[Checkpoint, ...]
    landing_position: int
    newly_closed: bool


def land_deliveries(installation: Installation, first: date, last: date) -> LandingReport:
    """Land what was delivered on the days ``first`` to ``last``, both included; files that landed before are skipped."""
    from reverse_etl.landing import land

    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return land(installation.warehouse, installation.settings, days)


def refused_reference_rows(installation: Installation, files: Sequence[str]) -> list[RefusedRow]:
    """What is refused of these delivered files, as the models last said."""
    if not files:
        return []
    columns = ", ".join(RefusedRow.__dataclass_fields__)
    rows = installation.warehouse.read(
        f"select {columns} from staging.refused_reference_rows where list_contains(?, file_name) order by file_name, line_number, rule", [list(files)]
    )
    return [RefusedRow(**row) for row in rows.to_pylist()]


def landed_files(installation: Installation, since: int = 0) -> dict[str, int]:
    """The files of reference data that landed after a position, with their positions."""
    rows = installation.warehouse.read(
        "select file_name, position from raw.landed_files where relation <> 'raw.usage_events' and position > ? order by position", [since]
    )
    return {row["file_name"]: row["position"] for row in rows.to_pylist()}


def mirror_register(installation: Installation) -> MirrorReport:
    """Bring the warehouse's mirror up to the register's position."""
    from reverse_etl.warehouse.mirror import mirror

    with closing(installation.open_register()) as register:
        return mirror(register, installation.warehouse)


def seal_documents(
    installation: Installation, relations: Sequence[str], entity: str, period: str, correlation_id: str, at_thresholds: bool = False
) -> SealReport:
    """Seal what the outbox relations propose. A refused row is reported; the others are sealed.

    ``at_thresholds``: only the invoices of a running period that a threshold made due, whatever else is proposed.
    """
    warehouse = installation.warehouse
    rows = proposed_at_thresholds(warehouse, entity, period) if at_thresholds else proposed(warehouse, relations, entity, period)
    with closing(installation.open_register()) as register:
        return register.seal(rows, installation.actor, correlation_id)


def deliver(
    installation: Installation,
    system: str,
    entity: str,
    period: str,
    correlation_id: str = "",
    document_types: Collection[str] | None = None,
    planned: LanePlan | None = None,
) -> PushReport:
    """Post and verify what is sealed for one destination, of all types or of some, or what was planned. Documents that it refuses are reported;
    the others go on."""
    from reverse_etl.posting import push
    from reverse_etl.warehouse.mirror import mirror, mirror_is_ahead

    with closing(installation.open_register()) as register:
        if mirror_is_ahead(register, installation.warehouse):
            mirror(register, installation.warehouse)
        return push(
            register,
            installation.open_system(system),
            entity,
            period,
            document_types=document_types,
            planned=planned,
            settings_or_lock_folder=installation.settings,
            actor=installation.actor,
            correlation_id=correlation_id,
        )


def unread(installation: Installation, entity: str, period: str) -> dict[str, list[str]]:
    """Closed period -> destinations that took documents of it and were never read: a warehouse that was built again knows nothing of what they hold.

    In order of the periods, without the given one.
    """
    rows = installation.warehouse.read("select distinct period, system from raw.read_backs where entity = ?", [entity]).to_pylist()
    read = {(row["period"], row["system"]) for row in rows}
    with closing(installation.open_register()) as register:
        closed = sorted(
            change.period for change in register.periods() if change.entity == entity and change.status != OPEN and change.period != period
        )
        took = {one: {documents.system for documents in register.period_documents(entity, one)} for one in closed}
    found = {one: sorted(system for system in systems - {CARRIED_OVER} if (one, system) not in read) for one, systems in took.items()}
    return {one: systems for one, systems in found.items() if systems}


def read_back(installation: Installation, systems: Sequence[str], entity: str, period: str) -> dict[str, ReadBack]:
    """Read back every system; one that cannot be read does not keep the others from being read.

    Raises:
        DestinationError: the first failure, once all have been tried.
    """
    failures: list[TieoutError] = []
    read: dict[str, ReadBack] = {}
    for system in systems:
        try:
            with correlated(entity=entity, period=period, destination=system):
                read[system] = append_read_back(installation.warehouse, installation.open_system(system), entity, period)
                LOG.info("read back %d documents from %s", read[system].documents, system)
        except TieoutError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return read


def checkpoints(installation: Installation, entity: str | None, period: str, published: bool = False) -> tuple[Checkpoint, ...]:
    """The checkpoints of a period; ``entity`` None means all entities. Those of the installation as a whole belong to every entity."""
    names = [name for name in Checkpoint.__dataclass_fields__ if name != "break_count"]
    columns = ", ".join(f"cast({name} as varchar) as {name}" for name in names)
    condition, parameters = ("and entity in (?, '*')", [period, entity]) if entity else ("", [period])
    warehouse = installation.warehouse
    rows = (warehouse.read_published if published else warehouse.read)(
        f"select {columns}, break_count from reconciliation.checkpoints where period = ? {condition} "
        # K10 comes after K9.
        "order by length(checkpoint), checkpoint, entity, measure, unit",
        parameters,
    )
    return tuple(Checkpoint(**{**row, "break_count": int(row["break_count"])}) for row in rows.to_pylist())


def close_period(installation: Installation, entity: str, period: str) -> ClosedPeriod:
    """Soft close the period of the entity in the register and seal what it holds, if every checkpoint ties.

    Raises:
        NotTiedError: a checkpoint is broken, or there is none; the message names the breaks.
        BrokenSealError: a period that was closed before is not what it was closed with (J12).
        PeriodError: an earlier period is open.
    """
    found = checkpoints(installation, entity, period)
    broken = [checkpoint for checkpoint in found if not checkpoint.tied]
    if broken or not found:
        decimals = exponents()
        shown = [
            "{checkpoint} {entity} {measure}: {left_side} {left_value}, {right_side} {right_value}".format(**item.as_read(decimals))
            for item in broken[:SHOWN_BREAKS]
        ]
        more = f" and {len(broken) - SHOWN_BREAKS} more" if len(broken) > SHOWN_BREAKS else ""
        reason = "; ".join(shown) + more if broken else "there are no checkpoints"
        raise NotTiedError(f"{entity} {period} stays open: {reason}")
    require_intact(installation, entity)
    [cutoff] = installation.warehouse.read("select coalesce(max(position), 0) as position from raw.landed_files").to_pylist()
    landed = landed_until(installation, cutoff["position"])
    with closing(installation.open_register()) as register:
        newly_closed = register.close_period(entity, period, landed.position, installation.actor, landed_files=landed)
    return ClosedPeriod(found, landed.position, newly_closed)


def publish(installation: Installation) -> None:
    """Give the readers of the warehouse what it holds now, with the register's latest position."""
    mirror_register(installation)
    installation.warehouse.publish()
