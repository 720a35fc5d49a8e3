"""Keeps the checklist current between two closes."""

import json
from contextlib import closing
from datetime import UTC, datetime

import dagster as dg

from dagster_project.checklist.gathering import checklists_of, unfinished
from dagster_project.checklist.runs import failed_runs
from dagster_project.checklist.shown import digest
from dagster_project.close import CloseKey, Installation
from dagster_project.defs.assets.checklist import CHECKLIST, materialization, steps_of
from dagster_project.defs.automation.jobs import MONTHLY_CLOSE
from reverse_etl.close_calendar import CLOSE_STEPS
from reverse_etl.errors import TieoutError
from reverse_etl.posting.pacing.overview import destination_states
from reverse_etl.settings import Settings

CHECKLIST_SENSOR = "close_checklist"


def checklist_sensor(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name=CHECKLIST_SENSOR,
        minimum_interval_seconds=60,
        asset_selection=dg.AssetSelection.assets(CHECKLIST),
        owners=["team:finance"],
        description="Writes the checklist of every period that has ended whenever a state, a due time that has passed, or what holds a step up "
        "changes: after an approval, a sign-off, a hard close, a delivery, or a run whose process was killed.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        installation = Installation(settings)
        seen = json.loads(context.cursor) if context.cursor else {"mark": None, "told": {}}
        told: dict[str, str] = seen["told"]
        try:
            now = datetime.now(UTC)
            mark = mark_of(installation, context.instance, now)
            if mark == seen["mark"]:
                return dg.SkipReason("nothing has changed that a checklist is made of")
            # What was hard closed since is told once more, as done.
            current = {key.partition_key: key for key in unfinished(installation, now)}
            ended = {key: CloseKey(*key.split("|")) for key in told if key not in current and key.split("|")[0] in settings.entities}
            keys = [*current.values(), *ended.values()]
            steps = checklists_of(installation, keys, failed_runs=failed_runs(context.instance, keys, settings.entities))
        except TieoutError as error:
            return dg.SkipReason(str(error))
        digests = {key: digest(steps_of(steps, close_of)) for key, close_of in (current | ended).items()}
        changed = [CloseKey(*key.split("|")) for key, found in digests.items() if told.get(key) != found]
        # What is told last is what the asset's page opens with: the period whose turn it is.
        changed.sort(key=lambda key: key.period, reverse=True)
        cursor = json.dumps({"mark": mark, "told": {key: digests[key] for key in current}}, sort_keys=True)
        events = [materialization(key, steps_of(steps, key)) for key in changed]
        if not events:
            return dg.SensorResult(skip_reason="no checklist has changed", cursor=cursor)
        written = ", ".join(key.partition_key for key in reversed(changed))
        return dg.SensorResult(skip_reason=f"written anew: {written}", asset_events=events, cursor=cursor)

    return sensor


def mark_of(installation: Installation, instance: dg.DagsterInstance, now: datetime) -> str:
    """Changes with whatever a checklist is made of, and costs a fraction of one: the register, the published copy, the destinations, the last run,
    and the due times that have passed."""
    settings = installation.settings
    with closing(installation.open_register()) as register:
        position = register.position
    published = settings.published_path.stat().st_mtime_ns if settings.published_path.is_file() else 0
    withheld = [state.name for state in destination_states(settings) if state.withheld is not None]
    runs = [(run.run_id, run.status.value) for run in instance.get_runs(dg.RunsFilter(job_name=MONTHLY_CLOSE), limit=1)]
    due = sum(settings.calendar.due_at(key.entity, key.period, step) < now for key in unfinished(installation, now) for step in CLOSE_STEPS)
    return f"{position} {published} {','.join(withheld)} {runs} {due}"
