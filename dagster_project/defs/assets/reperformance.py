"""The general ledger computed a second time from the delivered files, by a program that shares nothing with the models, and compared."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey
from dagster_project.controls.catalogue import REPERFORMANCE
from dagster_project.controls.findings import shown
from dagster_project.defs.assets.closing import CLOSED_PERIOD
from dagster_project.defs.checks.controls import check_results, check_specs
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN
from dagster_project.defs.reporting import Told, for_each_entity, table

REPERFORMED = dg.AssetKey(["close", "reperformance"])


def reperformance_asset(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    # In no pool: it reads the inbox, the register and the published copy, and waits for no writer.
    @dg.asset(
        key=REPERFORMED,
        deps=[CLOSED_PERIOD],
        check_specs=check_specs([REPERFORMANCE], REPERFORMED),
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        group_name="close",
        kinds={"python"},
        owners=["team:finance"],
        description="What the general ledger should hold in the entity and period, computed again from the delivered files, beside what it holds.",
    )
    def reperformed(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[Any]:
        from dagster_project.published.reperforming import read_facts
        from reverse_etl.reperformance import reperform

        differing: list[dict[str, Any]] = []

        def work(close_of: CloseKey, told: Told) -> None:
            [month] = reperform(installation.settings.inbox, read_facts(installation), close_of.period, close_of.entity).months
            # Amounts are minor units, debit positive; as text, so that no reader rounds them.
            found = [{name: str(value) for name, value in asdict(one).items()} for one in month.differences]
            differing.extend(found)
            told.message = f"re-performed {month.reperformed} of {month.lines} lines; {len(found)} differ"
            told.metadata = {
                "lines": month.lines,
                "reperformed": month.reperformed,
                "not_reperformed": table([asdict(reason) for reason in month.not_reperformed]),
            }

        for_each_entity(context, REPERFORMED.to_user_string(), work)
        yield dg.MaterializeResult(asset_key=REPERFORMED)
        yield from check_results([shown(REPERFORMANCE, differing)], REPERFORMED)

    return reperformed
