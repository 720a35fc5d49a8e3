"""The jobs: what runs together, under which tags."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.close.partitions import CloseKey, first_day
from dagster_project.runs.instance import IN_TURN

DAILY_USAGE = "daily_usage"
MONTHLY_CLOSE = "monthly_close"
PROGRESSIVE_BILLING = "progressive_billing"
DAILY_ANCHOR = "daily_anchor"
RESUME_DELIVERIES = "resume_deliveries"
REFRESH_MODELS = "refresh_models"
REPERFORMANCE = "reperformance"
# Nothing that posts is started again by the orchestrator.
NO_RETRIES = {"dagster/max_retries": "0", "dagster/retry_on_asset_or_op_failure": "false"}


def daily_usage_job() -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        DAILY_USAGE,
        selection=dg.AssetSelection.assets(["raw", "usage_events"]),
        executor_def=dg.in_process_executor,
        tags={IN_TURN: DAILY_USAGE},
        owners=["team:finance-engineering"],
        description="Land the files that arrived on a day.",
    )


def monthly_close_job(
    selection: dg.AssetSelection, close: dg.PartitionsDefinition[str], hooks: frozenset[dg.HookDefinition] = frozenset()
) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        MONTHLY_CLOSE,
        selection=selection,
        executor_def=dg.in_process_executor,
        config=earliest_period_first(close),
        hooks=hooks,
        tags={**NO_RETRIES, IN_TURN: MONTHLY_CLOSE},
        owners=["team:finance"],
        description="Close one accounting period of one legal entity: invoices and journals computed, sealed, delivered, read back and tied out. "
        "A backfill closes one period after the other.",
    )


def progressive_billing_job(selection: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        PROGRESSIVE_BILLING,
        selection=selection,
        executor_def=dg.in_process_executor,
        tags={**NO_RETRIES, IN_TURN: PROGRESSIVE_BILLING},
        owners=["team:finance"],
        description="Invoice what reached a threshold of its plan before its period has ended; the rest of the period waits for the close.",
    )


def daily_anchor_job() -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        DAILY_ANCHOR,
        selection=dg.AssetSelection.assets(["register", "anchor"]),
        executor_def=dg.in_process_executor,
        owners=["team:finance-engineering"],
        description="Audit the register, and record where it stands.",
    )


def resume_deliveries_job(deliveries: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        RESUME_DELIVERIES,
        selection=deliveries,
        executor_def=dg.in_process_executor,
        tags={**NO_RETRIES, IN_TURN: RESUME_DELIVERIES},
        owners=["team:finance"],
        description="Send, look up and verify what is sealed and not at its destination. What is rejected, parked or held is left to people.",
    )


def refresh_models_job(models: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        REFRESH_MODELS,
        selection=models,
        executor_def=dg.in_process_executor,
        tags={IN_TURN: REFRESH_MODELS},
        owners=["team:finance-engineering"],
        description="Build usage, rating and what analysts see of drafts from what has landed, and publish it. Nothing is sealed.",
    )


def reperformance_job() -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        REPERFORMANCE,
        selection=dg.AssetSelection.assets(["close", "reperformance"]),
        executor_def=dg.in_process_executor,
        owners=["team:finance"],
        description="Compute the general ledger of a closed period a second time from the delivered files, and compare it line by line.",
    )


def earliest_period_first(close: dg.PartitionsDefinition[str]) -> dg.PartitionedConfig[dg.PartitionsDefinition[str]]:
    """Of the runs that wait in the queue, those of an earlier period go first, whatever the order in which they were asked for."""

    def tags(partition_key: str) -> dict[str, str]:
        month = first_day(CloseKey(*partition_key.split("|")).period)
        return {"dagster/priority": str(-(month.year * 12 + month.month))}

    return dg.PartitionedConfig(close, run_config_for_partition_key_fn=lambda _: {}, tags_for_partition_key_fn=tags)
