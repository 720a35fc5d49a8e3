"""Checkpoints as asset checks: what each measure says of a period, and the break list of one that does not tie."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.close.steps import Checkpoint
from dagster_project.controls.findings import BreakList
from dagster_project.defs.reporting import table
from dagster_project.quantities import quantity
from dagster_project.shipped import DBT_PROJECT
from reverse_etl.errors import TieoutError

CATALOGUE = DBT_PROJECT / "seeds" / "checkpoint_catalogue.csv"
BREAK_LIST = "reconciliation.checkpoint_breaks"
BREAK_VALUES = ("left_value", "right_value", "excused_value", "difference")


def checkpoint_checks(asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """A check per checkpoint of the catalogue, with who clears its breaks by when. ``asset``: the closed period."""
    with CATALOGUE.open(newline="") as rows:
        return [
            dg.AssetCheckSpec(
                row["checkpoint"],
                asset=asset,
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
            asset_key=spec.asset_key,
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
