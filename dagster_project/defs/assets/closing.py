"""The end of a close: every checkpoint ties, or the period stays open."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.ledgers import bring_ledger_period
from dagster_project.close.partitions import CloseKey
from dagster_project.close.steps import Checkpoint, NotTiedError, checkpoints, close_period, publish
from dagster_project.controls.catalogue import CLOSE_CONTROLS
from dagster_project.controls.findings import BreakList, checkpoint_breaks, close_findings
from dagster_project.defs.assets.refusal import CHECKPOINTS, going_on
from dagster_project.defs.checks.checkpoints import checkpoint_checks, measure_row, verdicts
from dagster_project.defs.checks.controls import check_results, check_specs
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import Told, for_each_entity, keys_or_failure, table
from dagster_project.oversight.auditing import write_anchor
from dagster_project.pages.observations import observed_pages
from dagster_project.quantities import exponents

CLOSED_PERIOD = dg.AssetKey(["close", "period"])


def closing_asset(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    checkpoint_specs = checkpoint_checks(CLOSED_PERIOD)

    @dg.asset(
        key=CLOSED_PERIOD,
        deps=[CHECKPOINTS],
        check_specs=[*checkpoint_specs, *check_specs(CLOSE_CONTROLS, CLOSED_PERIOD)],
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        pool=WAREHOUSE_POOL,
        group_name="close",
        kinds={"sqlite"},
        owners=["team:finance"],
        description="The accounting period of the entity, closed in the register once every checkpoint ties, then in the ERP.",
    )
    def closed_period(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[Any]:
        told_of_all: dict[Checkpoint, None] = {}
        refused: list[CloseKey] = []
        go_on = ""
        decimals = exponents()
        keys = keys_or_failure(context)

        def breaks_of(checkpoint: str) -> BreakList:
            return checkpoint_breaks(installation.warehouse, checkpoint, [key.entity for key in keys], keys[0].period)

        def work(close_of: CloseKey, told: Told) -> None:
            # Told before the verdict, so that a refused close shows its breaks.
            found = checkpoints(installation, close_of.entity, close_of.period)
            told_of_all.update(dict.fromkeys(found))
            told.metadata = {
                "breaks": table([measure_row(checkpoint, decimals) for checkpoint in found if not checkpoint.tied]),
                "checkpoints": table([measure_row(checkpoint, decimals) for checkpoint in found]),
            }
            try:
                closed = close_period(installation, close_of.entity, close_of.period)
            except NotTiedError:
                refused.append(close_of)
                raise
            told.message = f"{len(closed.checkpoints)} measures tie, period {'closed' if closed.newly_closed else 'was closed already'}"
            told.metadata = {"landing_position": closed.landing_position, **told.metadata}
            if bring_ledger_period(installation, close_of.entity, close_of.period):
                told.message += ", and closed in the ERP"

        try:
            for_each_entity(context, "close/period", work)
        except dg.Failure as failure:
            if not refused:
                raise
            go_on = going_on(context, installation, refused)
            described = f"{failure.description}. {go_on}"
            raise dg.Failure(description=described, metadata={"to_go_on": go_on, **failure.metadata}, allow_retries=False) from failure
        finally:
            # Readers see a refused close too.
            publish(installation)
            yield from verdicts(checkpoint_specs, list(told_of_all), decimals, breaks_of, go_on)
            yield from check_results(close_findings(installation, keys), CLOSED_PERIOD, ", ".join(f"{key.entity} {key.period}" for key in keys))
            yield from observed_pages(context, installation, keys, CLOSED_PERIOD)
        anchor = write_anchor(installation)
        yield dg.MaterializeResult(metadata={"register_position": anchor.position, "register_head_hash": anchor.head_hash})

    return closed_period
