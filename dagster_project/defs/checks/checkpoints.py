"""Checkpoints as asset checks: what each measure says of a period, and the break list of one that does not tie."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.close.steps import Checkpoint
from dagster_project.controls.findings import BreakList
from dagster_project.defs.checks.answering import answered_for
from dagster_project.defs.reporting import table
from dagster_project.quantities import quantity
from dagster_project.shipped import DBT_PROJECT
from reverse_etl.errors import TieoutError

CATALOGUE = DBT_PROJECT / "seeds" / "checkpoint_catalogue.csv"
BREAK_LIST = "reconciliation.checkpoint_breaks"
BREAK_VALUES = ("left_value", "right_value", "excused_value", "difference")
BREAK_COLUMNS = ("subject", "difference", "explanation", "measure", "left_value", "right_value", "excused_value", "entity")


def checkpoint_checks(asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """A check per checkpoint of the catalogue, with who clears its breaks by when. ``asset``: the closed period."""
    with CATALOGUE.open(newline="") as rows:
        return [
            dg.AssetCheckSpec(
                row["checkpoint"],
                asset=asset,
                description=answered_for(row["title"], row["owner"], int(row["sla_hours"])),
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
        broken = [checkpoint for checkpoint in told if not checkpoint.tied]
        yield dg.AssetCheckResult(
            passed=bool(told) and not broken,
            asset_key=spec.asset_key,
            check_name=spec.name,
            severity=dg.AssetCheckSeverity(spec.metadata["severity"].upper()),
            description=_in_words(told, broken, decimals),
            metadata={
                "measures": len(told),
                "broken_measures": table([measure_row(checkpoint, decimals) for checkpoint in broken]),
                **_break_list(spec.name, decimals, breaks_of if broken else None),
                **({"to_go_on": go_on} if broken and go_on else {}),
            },
        )


def measure_row(checkpoint: Checkpoint, decimals: Mapping[str, int]) -> dict[str, str | int]:
    """A measure in as few columns as fit on a page; the period is that of what it is shown with."""
    read = checkpoint.as_read(decimals)
    return {
        "checkpoint": checkpoint.checkpoint,
        "entity": checkpoint.entity,
        "measure": checkpoint.measure,
        "left": f"{checkpoint.left_side} {read['left_value']}",
        "right": f"{checkpoint.right_side} {read['right_value']}",
        "excused": read["excused_value"],
        "difference": read["difference"],
        "status": checkpoint.status,
    }


def _in_words(told: Sequence[Checkpoint], broken: Sequence[Checkpoint], decimals: Mapping[str, int]) -> str:
    """One line: a check is of whatever was closed last, so that it has to say of what."""
    if not told:
        return "nothing was measured"
    of = ", ".join(sorted({f"{'all' if one.entity == '*' else one.entity} {one.period}" for one in (broken or told)}))
    if not broken:
        return f"{of}: {len(told)} measures tie"
    differ = dict.fromkeys(f"{one.measure} by {quantity(one.difference, one.unit, decimals)}" for one in broken)
    return f"{of}: {', '.join(differ)}"


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
    """A row of the break list for people, what differs first; a side that is absent stays so. Values carry the unit, and the check is of a period."""
    values = {name: row[name] for name in BREAK_VALUES if "unit" in row and row.get(name) is not None}
    read = {**row, **{name: quantity(str(value), str(row["unit"]), decimals) for name, value in values.items()}}
    return {name: read[name] for name in (*BREAK_COLUMNS, *read) if name in read and name not in ("unit", "period")}
