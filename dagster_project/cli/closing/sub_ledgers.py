"""The sub-ledgers of a tied-out period for people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dagster_project.cli.terminal.tables import show
from dagster_project.published.sub_ledgers import RolledForward
from dagster_project.quantities import quantity


def show_sub_ledgers(rolled: Sequence[RolledForward]) -> None:
    """From the first period to the last, per entity, sub-ledger and currency; what did not move is left out."""
    if not rolled:
        return
    first, last = min(row.period for row in rolled), max(row.period for row in rolled)
    shown = []
    for (entity, sub_ledger, currency), group in groupby(sorted(rolled, key=_shown_as), key=_shown_as):
        rows = list(group)
        decimals = {currency: rows[0].exponent}
        opening = sum(row.opening for row in rows if row.period == first)
        closing = sum(row.closing for row in rows if row.period == last)
        moved = {name.replace("_", " "): sum(row.movements[name] for row in rows) for name in rows[0].movements}
        told = [f"{name} {quantity(str(minor), currency, decimals).removeprefix(currency).strip()}" for name, minor in moved.items() if minor]
        shown.append(
            {
                "entity": entity,
                "sub_ledger": sub_ledger.replace("_", " "),
                "opening": quantity(str(opening), currency, decimals),
                "movements": ", ".join(told),
                "closing": quantity(str(closing), currency, decimals),
                "general_ledger": "equal" if all(row.equal for row in rows) else "differs",
            }
        )
    show(f"Sub-ledgers, {first} to {last}", shown, ["entity", "sub_ledger", "opening", "movements", "closing", "general_ledger"])


def _shown_as(row: RolledForward) -> tuple[str, str, str]:
    return row.entity, row.sub_ledger, row.currency
