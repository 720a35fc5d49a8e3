"""What runs, or is told, because something happened. Sensors read the register and the published warehouse: they wait for no writer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG, RUN_KEY_TAG, SENSOR_NAME_TAG

from dagster_project.close import CloseKey, Installation
from dagster_project.close.partitions import first_landing_day
from dagster_project.controls.findings import age_finding, delivery_findings
from dagster_project.defs.assets import external
from dagster_project.defs.assets.closing import CLOSED_PERIOD
from dagster_project.defs.automation.jobs import DAILY_USAGE, RESUME_DELIVERIES
from dagster_project.defs.checks.controls import evaluation
from dagster_project.defs.reporting import table
from dagster_project.watch.arrivals import Decision, Landing, Memory, decide, fingerprints, seen_files
from dagster_project.watch.deliveries import ages, to_resume
from dagster_project.watch.late_usage import LateUsage, late_usage
from reverse_etl.settings import Settings

NEW_FILES, LATE_USAGE, UNDELIVERED, DELIVERY_AGE = "new_files", "late_usage", "undelivered_documents", "delivery_age"


def sensors(settings: Settings, systems: Sequence[str]) -> list[dg.SensorDefinition]:
    """``systems``: the destinations that documents are delivered to."""
    return [new_files_sensor(settings), late_usage_sensor(settings), undelivered_sensor(settings, systems), delivery_age_sensor(settings, systems)]


def new_files_sensor(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name=NEW_FILES,
        job_name=DAILY_USAGE,
        minimum_interval_seconds=60,
        owners=["team:finance-engineering"],
        description="Lands what is new in the inbox, each content once; a file that is still being written waits.",
    )
    def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = datetime.now(UTC)
        found = fingerprints(seen_files(settings.inbox), now, first_landing_day(settings.first_period), now.date())
        decision = decide(found, Memory.from_text(context.cursor), lambda run_key: _became(context.instance, run_key))
        cursor = decision.memory.to_text()
        if decision.ask is None:
            return dg.SensorResult(skip_reason=decision.told, cursor=cursor)
        return dg.SensorResult(run_requests=[_landing_request(decision)], cursor=cursor)

    return new_files


def late_usage_sensor(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name=LATE_USAGE,
        minimum_interval_seconds=300,
        owners=["team:finance"],
        description="Tells which closed period usage has landed for since, and which close bills the difference: an observation on close/period.",
        asset_selection=dg.AssetSelection.assets(CLOSED_PERIOD),
    )
    def late(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = {CloseKey(one.entity, one.period).partition_key: one for one in late_usage(Installation(settings))}
        told: dict[str, int] = json.loads(context.cursor) if context.cursor else {}
        news = [one for key, one in found.items() if told.get(key) != one.position]
        cursor = json.dumps({key: one.position for key, one in found.items()}, sort_keys=True)
        if not news:
            return dg.SensorResult(skip_reason="no usage has landed for a closed period since", cursor=cursor)
        told_of = "; ".join(str(one) for one in news)
        return dg.SensorResult(skip_reason=f"told of: {told_of}", asset_events=[_late_observation(one) for one in news], cursor=cursor)

    return late


def undelivered_sensor(settings: Settings, systems: Sequence[str]) -> dg.SensorDefinition:
    @dg.sensor(
        name=UNDELIVERED,
        job_name=RESUME_DELIVERIES,
        minimum_interval_seconds=120,
        owners=["team:finance"],
        description="Tells what stopped at a destination, with what to do, and resumes what may be sent or looked up again. What is "
        "rejected, parked or held is never sent again by itself.",
    )
    def undelivered(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        installation, now = Installation(settings), datetime.now(UTC)
        events: list[dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation] = []
        told: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        standing: dict[str, str] = {}
        for system in systems:
            [stopped, *_] = delivery_findings(installation, system, now)
            standing[system] = _digest([stopped.total, [[row["reference"], row["state"], row["reason"]] for row in stopped.rows]])
            if told.get(system) != standing[system] and (stopped.total or system in told):
                events.append(evaluation(stopped, external.delivery_to(system)))
                metadata: dict[str, Any] = {"documents": stopped.total, "stopped": table(stopped.rows)}
                events.append(dg.AssetObservation(external.delivery_to(system), metadata=metadata))
        requests = [
            dg.RunRequest(run_key=found.run_key(now), partition_key=found.key.partition_key, asset_selection=[external.delivery_to(found.system)])
            for found in to_resume(installation, systems, now)
        ]
        cursor = json.dumps(standing, sort_keys=True)
        if requests:
            return dg.SensorResult(run_requests=requests, asset_events=events, cursor=cursor)
        return dg.SensorResult(skip_reason="nothing that may go on by itself is waiting", asset_events=events, cursor=cursor)

    return undelivered


def delivery_age_sensor(settings: Settings, systems: Sequence[str]) -> dg.SensorDefinition:
    @dg.sensor(
        name=DELIVERY_AGE,
        minimum_interval_seconds=300,
        owners=["team:finance"],
        description="Compares the oldest undelivered document of every destination and legal entity with the time it is allowed (service_levels).",
        asset_selection=dg.AssetSelection.assets(*(external.delivery_to(system) for system in systems)),
    )
    def delivery_age(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        lanes = ages(Installation(settings), datetime.now(UTC))
        told: dict[str, list[str]] = json.loads(context.cursor) if context.cursor else {}
        late = {system: sorted(lane.entity for lane in lanes if lane.system == system and lane.is_late) for system in systems}
        events = [
            evaluation(age_finding([lane for lane in lanes if lane.system == system]), external.delivery_to(system))
            for system in systems
            if told.get(system) != late[system]
        ]
        cursor = json.dumps(late, sort_keys=True)
        told_of = ", ".join(f"{event.asset_key.to_user_string()} {'in time' if event.passed else 'late'}" for event in events)
        skip = f"told of: {told_of}" if events else "nothing has become late, or ceased to be"
        return dg.SensorResult(skip_reason=skip, asset_events=events, cursor=cursor)

    return delivery_age


def _landing_request(decision: Decision) -> dg.RunRequest:
    assert decision.ask is not None
    days = {ASSET_PARTITION_RANGE_START_TAG: decision.first, ASSET_PARTITION_RANGE_END_TAG: decision.last}
    return dg.RunRequest(run_key=decision.ask.run_key, tags=days)


def _became(instance: dg.DagsterInstance, run_key: str) -> Landing:
    runs = instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: run_key, SENSOR_NAME_TAG: NEW_FILES}), limit=1)
    if not runs or (runs[0].is_finished and not runs[0].is_success):
        return Landing.FAILED
    return Landing.SUCCEEDED if runs[0].is_success else Landing.UNDER_WAY


def _late_observation(late: LateUsage) -> dg.AssetObservation:
    metadata: dict[str, Any] = {
        "late_usage": str(late),
        "events": late.events,
        "customers": late.customers,
        "billed_in": late.billed_in,
        "landed": f"{late.first_landed_on} to {late.last_landed_on}",
        "files": table([{"file_name": name} for name in late.files]),
        "next": table([{"command": command} for command in late.next_commands]),
    }
    partition = CloseKey(late.entity, late.period).partition_key
    return dg.AssetObservation(CLOSED_PERIOD, partition=partition, description=str(late), metadata=metadata)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
