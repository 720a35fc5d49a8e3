"""The jobs and when they run by themselves."""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from dagster_project.close.partitions import CloseKey
from reverse_etl.settings import Settings

DAILY_USAGE = "daily_usage"
MONTHLY_CLOSE = "monthly_close"
PROGRESSIVE_BILLING = "progressive_billing"
DAILY_ANCHOR = "daily_anchor"
# Nothing that posts is started again by the orchestrator.
NO_RETRIES = {"dagster/max_retries": "0", "dagster/retry_on_asset_or_op_failure": "false"}


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
        tags=NO_RETRIES,
        description="Close one accounting period of one legal entity: invoices and journals computed, sealed, delivered, read back and tied out.",
    )


def progressive_billing_job(selection: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        PROGRESSIVE_BILLING,
        selection=selection,
        executor_def=dg.in_process_executor,
        tags=NO_RETRIES,
        description="Invoice what reached a threshold of its plan before its period has ended; the rest of the period waits for the close.",
    )


def daily_anchor_job() -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        DAILY_ANCHOR,
        selection=dg.AssetSelection.assets(["register", "anchor"]),
        executor_def=dg.in_process_executor,
        description="Record where the register stands.",
    )


def schedules(settings: Settings, daily_usage: UnresolvedAssetJobDefinition) -> list[dg.ScheduleDefinition]:
    @dg.schedule(
        cron_schedule="0 6 2 * *", job_name=MONTHLY_CLOSE, description="On the 2nd, close last month for every legal entity; ties or stays open."
    )
    def monthly_close_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        last_month = context.scheduled_execution_time.date().replace(day=1) - timedelta(days=1)
        return _of_all_entities(settings, f"{last_month:%Y-%m}", run_key=f"{last_month:%Y-%m}")

    @dg.schedule(
        cron_schedule="0 3 * * *", job_name=PROGRESSIVE_BILLING, description="Each night, invoice what reached a threshold in the running month."
    )
    def progressive_billing_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        yesterday = context.scheduled_execution_time.date() - timedelta(days=1)
        return _of_all_entities(settings, f"{yesterday:%Y-%m}", run_key=f"{yesterday}")

    landing = dg.build_schedule_from_partitioned_job(daily_usage, hour_of_day=1, name="daily_usage_schedule", description="Land yesterday's files.")
    return [landing, monthly_close_schedule, progressive_billing_schedule, daily_anchor_schedule()]  # type: ignore[list-item]


def daily_anchor_schedule() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="daily_anchor_schedule", cron_schedule="30 23 * * *", job_name=DAILY_ANCHOR, description="Each night, record where the register stands."
    )


def _of_all_entities(settings: Settings, period: str, run_key: str) -> dg.RunRequest:
    first, last = (CloseKey(entity, period).partition_key for entity in (settings.entities[0], settings.entities[-1]))
    return dg.RunRequest(run_key=run_key, tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last})
