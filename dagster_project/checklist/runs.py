"""How the last run that was to close a period ended, from Dagster's event log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

from dagster_project.checklist.standing import FailedRun
from dagster_project.close.partitions import CloseKey
from dagster_project.defs.automation.jobs import MONTHLY_CLOSE
from dagster_project.runs.step_failures import failed_partitions, reason_of

LOOKED_AT = 100
CLOSING_STEP, REFUSAL = "close__period", "NotTiedError"


def failed_runs(instance: dg.DagsterInstance, keys: Sequence[CloseKey], entities: Sequence[str]) -> dict[CloseKey, FailedRun]:
    """The last run of the close of each key, where it failed for it. ``entities``: of the installation, in their order."""
    found: dict[CloseKey, FailedRun] = {}
    open_keys = set(keys)
    for record in instance.get_run_records(dg.RunsFilter(job_name=MONTHLY_CLOSE), limit=LOOKED_AT):
        run = record.dagster_run
        for key in open_keys & set(keys_of(run.tags, entities)):
            open_keys.discard(key)
            if run.status is dg.DagsterRunStatus.FAILURE:
                ended = datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), UTC)
                reasons = _reasons(instance, run.run_id, key)
                if reasons:
                    found[key] = FailedRun(run.run_id, ended, reasons)
        if not open_keys:
            break
    return found


def keys_of(tags: Mapping[str, str], entities: Sequence[str]) -> list[CloseKey]:
    """The legal entities and the period that a run is for."""
    first = tags.get(ASSET_PARTITION_RANGE_START_TAG) or tags.get(PARTITION_NAME_TAG)
    last = tags.get(ASSET_PARTITION_RANGE_END_TAG) or first
    if not first or not last or "|" not in first or "|" not in last:
        return []
    (start, period), (end, last_period) = first.split("|"), last.split("|")
    if start not in entities or end not in entities or period != last_period:
        return []
    places = sorted((entities.index(start), entities.index(end)))
    return [CloseKey(entity, period) for entity in entities[places[0] : places[1] + 1]]


def _reasons(instance: dg.DagsterInstance, run_id: str, key: CloseKey) -> tuple[str, ...]:
    """Why the run failed for the key; nothing where the checkpoints say it themselves, or where it came to its end for this key."""
    logged = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    steps = [entry.dagster_event for entry in logged if entry.dagster_event is not None]
    if steps:
        told = (reason_for(key, str(event.step_key), reason_of(event), failed_partitions(event)) for event in steps)
        return tuple(reason for reason in told if reason is not None)
    ends = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)]
    return tuple(event.message or "it failed" for event in ends if event is not None) or ("it ended before it was done",)


def reason_for(key: CloseKey, step_key: str, told: str, failed: Mapping[str, Any] | None) -> str | None:
    """What a step that failed is for the close of one key; None where it holds nothing up, or the checkpoints say it. ``failed``: by partition."""
    if failed is None or step_key != CLOSING_STEP:
        return f"{step_key}: {told}"
    # Nothing comes after this step, so that what one entity stays open for holds up no other.
    own = failed.get(key.partition_key)
    return None if own is None or own["error"] == REFUSAL else f"{step_key}: {own['message']}"
