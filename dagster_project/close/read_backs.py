"""What a destination holds, read whole and appended to raw as one numbered snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from reverse_etl.landing.relations import RELATIONS
from reverse_etl.systems.contract import System
from reverse_etl.warehouse import Warehouse

SNAPSHOTS = "raw.read_backs"
DOCUMENT_RELATIONS: Mapping[str, tuple[str, ...]] = {
    "stripe": ("raw.stripe_invoices", "raw.stripe_credit_notes"),
    "stripe_platform": ("raw.platform_invoices", "raw.platform_credit_notes"),
}
LEDGER_DOCUMENTS = ("raw.ledger_moves",)
ARROW_TYPES: Mapping[str, pa.DataType] = {"varchar": pa.string(), "bigint": pa.int64(), "date": pa.date32(), "timestamp": pa.timestamp("us")}


@dataclass(frozen=True, slots=True)
class ReadBack:
    """``rows`` counts what was appended, by relation; ``documents`` counts documents only."""

    read_id: int
    documents: int
    rows: Mapping[str, int]


def append_read_back(warehouse: Warehouse, system: System, entity: str, period: str) -> ReadBack:
    """Read back the documents of an entity and period.

    Raises:
        DestinationError: the destination could not be read to its end; nothing is appended.
    """
    return append_snapshot(warehouse, system.manifest.system, system.read_back(entity, period), entity, period)


def append_snapshot(warehouse: Warehouse, name: str, read: Iterable[tuple[str, Mapping[str, Any]]], entity: str, period: str) -> ReadBack:
    """Read everything first, then append it under one writer lock; the row of the snapshot itself comes last, so that a torn one never counts."""
    records: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for relation, record in read:
        records[relation].append(record)
    with warehouse.writing(f"read-back of {name} for {entity} {period}"):
        [latest] = warehouse.read(f"select coalesce(max(read_id), 0) as read_id from {SNAPSHOTS}").to_pylist()
        snapshot = {"read_id": latest["read_id"] + 1, "entity": entity, "period": period}
        for relation, rows in sorted(records.items()):
            warehouse.append(relation, typed(relation, [{**row, **snapshot} for row in rows]))
        documents = sum(len(records[relation]) for relation in DOCUMENT_RELATIONS.get(name, LEDGER_DOCUMENTS))
        completed = {**snapshot, "system": name, "completed_at": datetime.now(UTC).replace(tzinfo=None), "document_count": documents}
        warehouse.append(SNAPSHOTS, typed(SNAPSHOTS, [completed]))
    return ReadBack(latest["read_id"] + 1, documents, {relation: len(rows) for relation, rows in sorted(records.items()) if rows})


def typed(relation: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows with the relation's own types, whatever the first of them holds."""
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in RELATIONS[relation].items()])
    return pa.Table.from_pylist(list(rows), schema=schema)
