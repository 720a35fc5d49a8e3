"""The jobs: what runs together, under which tags."""

from collections.abc import Sequence
from typing import Any

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
    return _job(DAILY_USAGE, [["raw", "usage_events"]], "finance-engineering", "Land the files that arrived on a day.", posts=False)


def monthly_close_job(
    selection: dg.AssetSelection, close: dg.PartitionsDefinition[str], hooks: frozenset[dg.HookDefinition] = frozenset()
) -> UnresolvedAssetJobDefinition:
    return _job(
        MONTHLY_CLOSE,
        selection,
        "finance",
        "Close one accounting period of one legal entity: invoices and journals computed, sealed, delivered, read back and tied out. "
        "A backfill closes one period after the other.",
        config=earliest_period_first(close),
        hooks=hooks,
    )


def progressive_billing_job(selection: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return _job(
        PROGRESSIVE_BILLING,
        selection,
        "finance",
        "Invoice what reached a threshold of its plan before its period has ended; the rest of the period waits for the close.",
    )


def daily_anchor_job() -> UnresolvedAssetJobDefinition:
    description = "Audit the register, and record where it stands."
    return _job(DAILY_ANCHOR, [["register", "anchor"]], "finance-engineering", description, posts=False, in_turn=False)


def resume_deliveries_job(deliveries: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return _job(
        RESUME_DELIVERIES,
        deliveries,
        "finance",
        "Send, look up and verify what is sealed and not at its destination. What is rejected, parked or held is left to people.",
    )


def refresh_models_job(models: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    return _job(
        REFRESH_MODELS,
        models,
        "finance-engineering",
        "Build usage, rating and what analysts see of drafts from what has landed, and publish it. Nothing is sealed.",
        posts=False,
    )


def reperformance_job() -> UnresolvedAssetJobDefinition:
    return _job(
        REPERFORMANCE,
        [["close", "reperformance"]],
        "finance",
        "Compute the general ledger of a closed period a second time from the delivered files, and compare it line by line.",
        posts=False,
        in_turn=False,
    )


def _job(
    name: str,
    selection: dg.AssetSelection | Sequence[Sequence[str]],
    team: str,
    description: str,
    *,
    posts: bool = True,
    in_turn: bool = True,
    **options: Any,
) -> UnresolvedAssetJobDefinition:
    """``posts``: something that must not be done twice, so that nothing starts it again. ``in_turn``: one such run is under way at a time."""
    return dg.define_asset_job(
        name,
        selection=selection if isinstance(selection, dg.AssetSelection) else dg.AssetSelection.assets(*selection),
        executor_def=dg.in_process_executor,
        tags=(NO_RETRIES if posts else {}) | ({IN_TURN: name} if in_turn else {}),
        owners=[f"team:{team}"],
        description=description,
        **options,
    )


def earliest_period_first(close: dg.PartitionsDefinition[str]) -> dg.PartitionedConfig[dg.PartitionsDefinition[str]]:
    """Of the runs that wait in the queue, those of an earlier period go first, whatever the order in which they were asked for."""

    def tags(partition_key: str) -> dict[str, str]:
        month = first_day(CloseKey(*partition_key.split("|")).period)
        return {"dagster/priority": str(-(month.year * 12 + month.month))}

    return dg.PartitionedConfig(close, run_config_for_partition_key_fn=lambda _: {}, tags_for_partition_key_fn=tags)
