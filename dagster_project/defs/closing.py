"""The end of a close: every checkpoint ties, or the period stays open."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.close.auditing import write_anchor
from dagster_project.close.installation import Installation
from dagster_project.close.ledgers import bring_ledger_period
from dagster_project.close.partitions import CloseKey
from dagster_project.close.steps import Checkpoint, NotTiedError, checkpoints, close_period, publish
from dagster_project.controls.catalogue import CLOSE_CONTROLS
from dagster_project.controls.findings import BreakList, checkpoint_breaks, close_findings
from dagster_project.defs.controls import check_results, check_specs
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN, WAREHOUSE_POOL
from dagster_project.defs.refusal import CHECKPOINTS, going_on
from dagster_project.defs.reporting import Told, for_each_entity, keys_or_failure, table
from dagster_project.pages.observations import observed_pages
from dagster_project.quantities import exponents, quantity
from dagster_project.shipped import DBT_PROJECT
from reverse_etl.errors import TieoutError

CLOSED_PERIOD = dg.AssetKey(["close", "period"])
CATALOGUE = DBT_PROJECT / "seeds" / "checkpoint_catalogue.csv"
BREAK_LIST = "reconciliation.checkpoint_breaks"
BREAK_VALUES = ("left_value", "right_value", "excused_value", "difference")


def checkpoint_checks() -> list[dg.AssetCheckSpec]:
    """A check per checkpoint of the catalogue, with who clears its breaks by when."""
    with CATALOGUE.open(newline="") as rows:
        return [
            dg.AssetCheckSpec(
                row["checkpoint"],
                asset=CLOSED_PERIOD,
                description=row["title"],
                blocking=row["severity"] == "error",
                metadata={
                    "control": row["checkpoint"],
                    "owner": row["owner"],
                    "severity": row["severity"],
                    "sla_hours": int(row["sla_hours"]),
                    "break_list": BREAK_LIST,
                },
            )
            for row in csv.DictReader(rows)
        ]


def verdicts(
    specs: Sequence[dg.AssetCheckSpec],
    found: Sequence[Checkpoint],
    decimals: Mapping[str, int],
    breaks_of: Callable[[str], BreakList] | None = None,
    go_on: str = "",
) -> Iterator[dg.AssetCheckResult]:
    """What each checkpoint says of the entities and the period of a run; one that says nothing has not passed. ``decimals`` by currency.

    ``breaks_of`` is asked for the break list of a checkpoint that does not tie; ``go_on``: what one does then.
    """
    for spec in specs:
        told = [checkpoint for checkpoint in found if checkpoint.checkpoint == spec.name]
        broken = [checkpoint.as_read(decimals) for checkpoint in told if not checkpoint.tied]
        yield dg.AssetCheckResult(
            passed=bool(told) and not broken,
            asset_key=CLOSED_PERIOD,
            check_name=spec.name,
            severity=dg.AssetCheckSeverity(spec.metadata["severity"].upper()),
            metadata={
                "measures": len(told),
                "broken_measures": table(broken),
                **_break_list(spec.name, decimals, breaks_of if broken else None),
                **({"to_go_on": go_on} if broken and go_on else {}),
            },
        )


def _break_list(checkpoint: str, decimals: Mapping[str, int], breaks_of: Callable[[str], BreakList] | None) -> dict[str, Any]:
    if breaks_of is None:
        return {"breaks": 0}
    try:
        found = breaks_of(checkpoint)
    except TieoutError as error:
        return {"problem": str(error)}
    shown = {"shown": f"the first {len(found.rows)} of {found.total}; all of them: {BREAK_LIST}"} if found.total > len(found.rows) else {}
    return {"breaks": found.total, "break_list": table([_as_read(row, decimals) for row in found.rows]), **shown}


def _as_read(row: Mapping[str, Any], decimals: Mapping[str, int]) -> dict[str, Any]:
    """A row of the break list for people; a side that is absent stays so."""
    values = {name: row[name] for name in BREAK_VALUES if "unit" in row and row.get(name) is not None}
    return {**row, **{name: quantity(str(value), str(row["unit"]), decimals) for name, value in values.items()}}


def closing_asset(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    checkpoint_specs = checkpoint_checks()

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
                "checkpoints": table([checkpoint.as_read(decimals) for checkpoint in found]),
                "breaks": table([checkpoint.as_read(decimals) for checkpoint in found if not checkpoint.tied]),
            }
            try:
                closed = close_period(installation, close_of.entity, close_of.period)
            except NotTiedError:
                refused.append(close_of)
                raise
            told.message = f"{len(closed.checkpoints)} measures tie, period {'closed' if closed.newly_closed else 'was closed already'}"
            told.metadata |= {"landing_position": closed.landing_position}
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
            yield from check_results(close_findings(installation, keys), CLOSED_PERIOD)
            yield from observed_pages(context, installation, keys, CLOSED_PERIOD)
        anchor = write_anchor(installation)
        yield dg.MaterializeResult(metadata={"register_position": anchor.position, "register_head_hash": anchor.head_hash})

    return closed_period
