"""An entity whose product another one sells, and the first entry by which it is charged for that."""

from __future__ import annotations

from collections.abc import Callable

from company import Deliveries, sold_by_another
from outbox_rows import Lines, with_lines

from reverse_etl.documents import OutboxRow


def sold_by_the_seller(deliveries: Deliveries) -> None:
    deliveries.add("intercompany_agreements", **sold_by_another(deliveries.entity))


def contracted(rows: list[OutboxRow], change: Callable[[Lines], Lines] | None) -> list[OutboxRow]:
    """The rows with other lines in the first half of a pair that the entity has, or (no change) without it."""
    [index, *_] = (index for index, row in enumerate(rows) if row.cause == "intercompany_charged")
    return [*rows[:index], *([with_lines(rows[index], change)] if change else []), *rows[index + 1 :]]
