"""What controls find: the list of what does not hold, counted whole and shown in part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_project.alerting.degraded import destinations_degraded
from dagster_project.close import CloseKey, Installation
from dagster_project.close.approvals import gate_evidence, stopped_gates
from dagster_project.close.partitions import first_day, first_day_after
from dagster_project.close.periods import broken_seals
from dagster_project.controls.catalogue import (
    ANCHORS,
    APPROVALS,
    AUDIT_CHAIN,
    CLOSE_CONTROLS,
    DELIVERED_IN_TIME,
    DESTINATION,
    HELD_LINES,
    PERIOD_SEALS,
    QUARANTINE,
    RUN_GATES,
    SEALING,
    STOPPED_DOCUMENTS,
    Control,
)
from dagster_project.oversight.auditing import audit_register
from dagster_project.quantities import exponents
from reverse_etl.errors import RegisterError, TieoutError
from reverse_etl.oversight.undelivered import UNDELIVERED_STATES, LaneAge, lane_ages, stopped_documents
from reverse_etl.posting.pacing.overview import DestinationState, destination_states
from reverse_etl.register import WaitingDocuments
from reverse_etl.register.approvals import superseded
from reverse_etl.register.register import SEAL_REFUSED
from reverse_etl.warehouse import Warehouse

SHOWN_ROWS = 100
Row = Mapping[str, Any]

_CHECKPOINT_BREAKS = """
    select entity, period, measure, unit, subject, cast(left_value as varchar) as left_value, cast(right_value as varchar) as right_value,
        cast(excused_value as varchar) as excused_value, cast(difference as varchar) as difference, explanation, count(*) over () as total
    from reconciliation.checkpoint_breaks
    where checkpoint = ? and period = ? and list_contains(?, entity)
    order by entity, abs(difference) desc, measure, unit, subject
    limit ?
"""
_HELD_LINES = """
    select customer_id, line_key, kind, currency, cast(delta_minor as varchar) as delta_minor, quantity, hold_reason,
        meaning, what_to_do, count(*) over () as total
    from invoicing.held_lines
    where entity = ? and document_month = ?
    order by abs(delta_minor) desc nulls last, line_key
    limit ?
"""
_QUARANTINED = """
    select file_name, line_number, cast(landed_on as varchar) as landed_on, customer_id, meter, reason, meaning, what_to_do, count(*) over () as total
    from usage.quarantined_usage_events
    where landed_on >= ? and landed_on < ?
    order by file_name, line_number
    limit ?
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one control finds. ``total`` rows do not hold, of which ``rows`` are shown; ``problem``: why it could not look.
    ``more`` is told whether or not anything was found."""

    control: Control
    total: int = 0
    rows: tuple[Row, ...] = ()
    problem: str | None = None
    more: Row | None = None

    @property
    def holds(self) -> bool:
        return self.total == 0 and self.problem is None


@dataclass(frozen=True, slots=True)
class BreakList:
    """The rows of a checkpoint that do not tie: all are counted, the largest are shown. Values are exact decimals, as text."""

    total: int
    rows: tuple[Row, ...]


def checkpoint_breaks(warehouse: Warehouse, checkpoint: str, entities: Sequence[str], period: str) -> BreakList:
    rows = warehouse.read(_CHECKPOINT_BREAKS, [checkpoint, period, [*entities, "*"], SHOWN_ROWS]).to_pylist()
    return BreakList(*_counted(rows))


def close_findings(installation: Installation, keys: Sequence[CloseKey], now: datetime | None = None) -> list[Finding]:
    """The controls of a close, over the legal entities and the period of a run. One that cannot look says so and keeps no other from looking."""
    found = []
    for control in CLOSE_CONTROLS:
        try:
            if control is QUARANTINE:
                # An event that is set aside may be nobody's: it belongs to the company, like K1.
                found.append(_quarantined(installation, keys[0].period))
            else:
                found.append(_together(control, [_close_finding(installation, control, key, now or datetime.now(UTC)) for key in keys]))
        except TieoutError as error:
            found.append(Finding(control, problem=str(error)))
    return found


def delivery_findings(installation: Installation, system: str, now: datetime | None = None) -> list[Finding]:
    """The controls of one destination, from the register and what its pacing remembers; the destination is not asked."""
    instant = now or datetime.now(UTC)
    settings = installation.settings
    with closing(installation.open_register()) as register:
        total, stopped = stopped_documents(register, system, SHOWN_ROWS)
        waiting = register.waiting(UNDELIVERED_STATES)
    lanes = [lane for lane in lane_ages(waiting, settings.service_levels, instant) if lane.system == system]
    state = next((state for state in destination_states(settings) if state.name == system), None)
    return [
        Finding(STOPPED_DOCUMENTS, total, tuple(_stopped_row(asdict(document)) for document in stopped)),
        age_finding(lanes),
        _destination_finding(system, state, waiting),
    ]


def age_finding(lanes: Sequence[LaneAge]) -> Finding:
    """Which lanes of a destination hold a document for longer than they may."""
    late = [lane for lane in lanes if lane.is_late]
    allowed = {lane.entity: f"{lane.allowed.total_seconds() / 3600:g}" for lane in lanes}
    return Finding(DELIVERED_IN_TIME, len(late), tuple(_lane_row(lane) for lane in late), more={"allowed_hours": allowed} if allowed else None)


def register_findings(installation: Installation, kept_elsewhere: Path | None = None) -> list[Finding]:
    """The audit of the register by its parts, and J12."""
    try:
        report, weaknesses = audit_register(installation, kept_elsewhere)
    except RegisterError as error:
        return [Finding(control, problem=str(error)) for control in (AUDIT_CHAIN, PERIOD_SEALS, ANCHORS)]
    chain: list[Row] = []
    anchors: list[Row] = []
    seals: list[Row] = []
    parts = {"anchors": anchors, "seals": seals}
    for finding in report.findings:
        parts.get(finding.part, chain).append({"part": finding.part, "position": finding.position, "reason": finding.reason})
    if installation.settings.published_path.is_file():
        # With the landed files, which the register alone does not know.
        seals = [asdict(one) for one in broken_seals(installation, published=True)]
    counted = {"positions": report.positions, "head_hash": report.head_hash}
    return [
        Finding(AUDIT_CHAIN, *_shown(chain), more=counted | {"weaknesses": list(weaknesses), "notes": list(report.notes)}),
        Finding(PERIOD_SEALS, *_shown(seals)),
        Finding(ANCHORS, *_shown(anchors), more={"anchors": report.anchors}),
    ]


def shown(control: Control, rows: Sequence[Row]) -> Finding:
    """What was found elsewhere, as a finding."""
    return Finding(control, *_shown(rows))


def _close_finding(installation: Installation, control: Control, key: CloseKey, now: datetime) -> Finding:
    if control is HELD_LINES:
        rows = installation.warehouse.read(_HELD_LINES, [key.entity, first_day(key.period), SHOWN_ROWS]).to_pylist()
        return Finding(control, *_counted([{"entity": key.entity, **row} for row in rows]))
    if control is RUN_GATES:
        gates = [row for row in stopped_gates(installation, key.period) if row["entity"] == key.entity]
        return Finding(control, *_shown([_gate_row(row) for row in gates]))
    if control is APPROVALS:
        return Finding(control, *_shown(_late_approvals(installation, key.entity, now)))
    assert control is SEALING, control
    with closing(installation.open_register()) as register:
        refused = [one for one in register.exceptions() if one.kind == SEAL_REFUSED and one.entity == key.entity and one.period in (None, key.period)]
    return Finding(
        control,
        *_shown(
            [{"entity": one.entity, "id": one.position, "subject": one.subject, "reason": one.reason, "what_to_do": one.action} for one in refused]
        ),
    )


def _quarantined(installation: Installation, period: str) -> Finding:
    rows = installation.warehouse.read(_QUARANTINED, [first_day(period), first_day_after(period), SHOWN_ROWS]).to_pylist()
    return Finding(QUARANTINE, *_counted(rows))


def _late_approvals(installation: Installation, entity: str, now: datetime) -> list[Row]:
    allowed = installation.settings.service_levels.approval
    with closing(installation.open_register()) as register:
        requests = register.approval_requests()
    stale = superseded(requests)
    return [
        {
            "entity": entity,
            "request": request.request_id,
            "kind": request.kind,
            "subject": request.subject,
            "asked_by": request.requested_by,
            "waiting_hours": _hours(now - request.requested_at),
            "reason": request.reason,
            "what_to_do": f"tieout approve {request.request_id}",
        }
        for request in requests
        if request.status == "open" and request.entity == entity and request.request_id not in stale and now - request.requested_at > allowed
    ]


def _gate_row(row: Mapping[str, Any]) -> Row:
    return {
        "entity": row["entity"],
        "subject": row["subject"],
        "evidence": gate_evidence(row),
        "status": row["status"],
        "what_to_do": f"tieout approve {row['plan_hash']}",
    }


def _stopped_row(document: dict[str, Any]) -> Row:
    commands = document.pop("next_commands")
    return {**document, "sealed_at": f"{document['sealed_at']:%Y-%m-%d %H:%M}", "what_to_do": " or ".join(commands)}


def _lane_row(lane: LaneAge) -> Row:
    return {
        "system": lane.system,
        "entity": lane.entity,
        "documents": lane.documents,
        "stopped": lane.stopped,
        "age_hours": _hours(lane.age),
        "allowed_hours": _hours(lane.allowed),
        "at_risk_minor": ", ".join(f"{minor} {currency}" for currency, minor in lane.at_risk),
        "what_to_do": f"tieout exceptions, then tieout push PERIOD --entity {lane.entity} --destination {lane.system}",
    }


def _destination_finding(system: str, state: DestinationState | None, waiting: Sequence[WaitingDocuments]) -> Finding:
    if state is None or state.problem is not None:
        return Finding(DESTINATION, problem=None if state is None else state.problem)
    rows = tuple(
        {
            "system": system,
            "degraded": found.mode,
            "reason": found.told,
            "since": None if found.since is None else f"{found.since:%Y-%m-%d %H:%M}",
            "until": None if found.until is None else f"{found.until:%Y-%m-%d %H:%M}",
            "documents_waiting": found.waiting,
            "what_to_do": found.next_command,
        }
        for found in destinations_degraded([state], waiting, exponents())
    )
    return Finding(DESTINATION, len(rows), rows, more={"mode": state.mode, "circuit": state.circuit})


def _together(control: Control, found: Iterable[Finding]) -> Finding:
    several = list(found)
    return Finding(control, sum(one.total for one in several), tuple(row for one in several for row in one.rows)[:SHOWN_ROWS])


def _counted(rows: Sequence[Row]) -> tuple[int, tuple[Row, ...]]:
    """Rows that carry the number of all of them as ``total``."""
    total = int(rows[0]["total"]) if rows else 0
    return total, tuple({name: value for name, value in row.items() if name != "total"} for row in rows)


def _shown(rows: Sequence[Row]) -> tuple[int, tuple[Row, ...]]:
    return len(rows), tuple(rows[:SHOWN_ROWS])


def _hours(age: timedelta) -> str:
    return f"{age.total_seconds() / 3600:.1f}"
