"""The end of a close: every checkpoint ties, or the period stays open."""

from dataclasses import asdict

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.ledger_periods import bring_ledger_period
from dagster_project.close.partitions import CloseKey
from dagster_project.close.steps import checkpoints, close_period, publish
from dagster_project.defs.partitions import ONE_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import Told, for_each_entity, table

CHECKPOINTS = dg.AssetKey(["reconciliation", "checkpoints"])


def closing_asset(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["close", "period"],
        deps=[CHECKPOINTS],
        partitions_def=close,
        backfill_policy=ONE_RUN,
        pool=WAREHOUSE_POOL,
        group_name="close",
        kinds={"sqlite", "tryton"},
        owners=["team:finance"],
        description="The accounting period of the entity, closed in the register once every checkpoint ties, then in the ERP.",
    )
    def closed_period(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        def work(close_of: CloseKey, told: Told) -> None:
            # Told before the verdict, so that a refused close shows its breaks.
            found = checkpoints(installation, close_of.entity, close_of.period)
            told.metadata = {
                "checkpoints": table([asdict(checkpoint) for checkpoint in found]),
                "breaks": table([asdict(checkpoint) for checkpoint in found if not checkpoint.tied]),
            }
            closed = close_period(installation, close_of.entity, close_of.period)
            told.message = f"{len(closed.checkpoints)} measures tie, period {'closed' if closed.newly_closed else 'was closed already'}"
            told.metadata |= {"landing_position": closed.landing_position}
            if bring_ledger_period(installation, close_of.entity, close_of.period):
                told.message += ", and closed in the ERP"

        try:
            for_each_entity(context, "close/period", work)
        finally:
            # Readers see a refused close too.
            publish(installation)

    return closed_period
