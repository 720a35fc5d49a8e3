"""What the warehouse shows for the results of a build: how many rows a table has, which rows fail a test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dagster as dg
import pyarrow as pa

from dagster_project.dbt.column_lineage import Catalog
from reverse_etl.warehouse import Warehouse

SHOWN_ROWS = 20
COUNTED_MATERIALIZATIONS = frozenset({"table", "incremental", "seed", "snapshot"})


def row_counts(warehouse: Warehouse, results: Iterable[Any]) -> dict[str, int]:
    """Rows per unique id of every table that was built: one query over catalogue counts, so that it costs next to nothing."""
    counted = [
        (result.node.unique_id, result.node.relation_name)
        for result in results
        if str(result.status) == "success" and result.node.config.materialized in COUNTED_MATERIALIZATIONS
    ]
    if not counted:
        return {}
    table = warehouse.read(
        " union all ".join(f"select '{unique_id}' as unique_id, count(*) as row_count from {relation}" for unique_id, relation in counted)
    )
    return {row["unique_id"]: row["row_count"] for row in table.to_pylist()}


def columns_of(warehouse: Warehouse) -> Catalog:
    """The columns of every relation, in order, with their types."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    rows = warehouse.read(
        "select lower(table_schema) as schema, lower(table_name) as relation, column_name, data_type from information_schema.columns "
        "order by table_schema, table_name, ordinal_position"
    )
    for row in rows.to_pylist():
        found.setdefault((row["schema"], row["relation"]), {})[row["column_name"]] = row["data_type"]
    return found


def failing_rows(warehouse: Warehouse, results: Iterable[Any]) -> dict[str, dg.TableMetadataValue]:
    """The first failing rows of every test that found some, by unique id."""
    shown = {}
    for result in results:
        if result.node.resource_type == "test" and result.failures and str(result.status) in ("fail", "warn"):
            stored = result.node.config.get("store_failures") and result.node.relation_name
            query = f"select * from {stored}" if stored else result.node.compiled_code
            shown[result.node.unique_id] = as_table(warehouse.read(f"select * from ({query}) as failing limit {SHOWN_ROWS}"))
    return shown


def as_table(rows: pa.Table) -> dg.TableMetadataValue:
    """An Arrow table as Dagster shows it. Amounts keep their digits: what JSON cannot carry exactly becomes text."""
    records = [
        dg.TableRecord({name: value if value is None or isinstance(value, str | int) else str(value) for name, value in row.items()})
        for row in rows.to_pylist()
    ]
    return dg.TableMetadataValue(
        records=records,
        schema=dg.TableSchema(columns=[dg.TableColumn(name, str(kind)) for name, kind in zip(rows.column_names, rows.schema.types, strict=True)]),
    )
