"""The two jobs and when they run by themselves."""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from dagster_project.close.partitions import CloseKey
from reverse_etl.settings import Settings

DAILY_USAGE = "daily_usage"
MONTHLY_CLOSE = "monthly_close"


def daily_usage_job() -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        DAILY_USAGE,
        selection=dg.AssetSelection.assets(["raw", "usage_events"]),
        executor_def=dg.in_process_executor,
        description="Land the files that arrived on a day.",
    )


def monthly_close_job(selection: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        MONTHLY_CLOSE,
        selection=selection,
        executor_def=dg.in_process_executor,
        # Nothing that posts is started again by the orchestrator.
        tags={"dagster/max_retries": "0", "dagster/retry_on_asset_or_op_failure": "false"},
        description="Close one accounting period of one legal entity: invoices and journals computed, sealed, delivered, read back and tied out.",
    )


def schedules(settings: Settings, daily_usage: UnresolvedAssetJobDefinition) -> list[dg.ScheduleDefinition]:
    @dg.schedule(
        cron_schedule="0 6 2 * *", job_name=MONTHLY_CLOSE, description="On the 2nd, close last month for every legal entity; ties or stays open."
    )
    def monthly_close_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        last_month = context.scheduled_execution_time.date().replace(day=1) - timedelta(days=1)
        period = f"{last_month:%Y-%m}"
        first, last = (CloseKey(entity, period).partition_key for entity in (settings.entities[0], settings.entities[-1]))
        return dg.RunRequest(run_key=period, tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last})

    landing = dg.build_schedule_from_partitioned_job(daily_usage, hour_of_day=1, name="daily_usage_schedule", description="Land yesterday's files.")
    return [landing, monthly_close_schedule]  # type: ignore[list-item]
