"""The end of a close: every checkpoint ties, or the period stays open."""

from dataclasses import asdict

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.steps import checkpoints, close_period
from dagster_project.defs.partitions import WAREHOUSE_POOL, close_key
from dagster_project.defs.reporting import step, table

CHECKPOINTS = dg.AssetKey(["reconciliation", "checkpoints"])


def closing_asset(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["close", "period"],
        deps=[CHECKPOINTS],
        partitions_def=close,
        backfill_policy=dg.BackfillPolicy.multi_run(),
        pool=WAREHOUSE_POOL,
        group_name="close",
        kinds={"sqlite"},
        owners=["team:finance"],
        description="The accounting period of the entity, closed in the register once every checkpoint ties.",
    )
    def closed_period(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> dg.MaterializeResult[None]:
        close_of = close_key(context)
        with step(context, "close/period", close_of) as told:
            # Recorded before the verdict, so that a refused close shows its breaks.
            found = checkpoints(installation, close_of.entity, close_of.period)
            told.metadata = {
                "checkpoints": table([asdict(checkpoint) for checkpoint in found]),
                "breaks": table([asdict(checkpoint) for checkpoint in found if not checkpoint.tied]),
            }
            closed = close_period(installation, close_of.entity, close_of.period)
            told.message = f"{len(closed.checkpoints)} measures tie, period {'closed' if closed.newly_closed else 'was closed already'}"
            told.metadata |= {"landing_position": closed.landing_position}
        return dg.MaterializeResult(metadata=told.metadata)

    return closed_period
