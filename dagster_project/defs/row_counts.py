"""How many rows a relation has after a step has written to it, where Dagster shows it."""

from collections.abc import Iterable, Mapping

import dagster as dg

from dagster_project.close.installation import Installation

ROW_COUNT = "dagster/row_count"


def rows_of(installation: Installation, relations: Iterable[str]) -> Mapping[str, int]:
    """Rows by relation (``schema.table``), in one query."""
    counts = [f"select '{relation}' as relation, count(*) as row_count from {relation}" for relation in relations]
    return {row["relation"]: row["row_count"] for row in installation.warehouse.read(" union all ".join(counts)).to_pylist()} if counts else {}


def relation_of(key: dg.AssetKey) -> str:
    return ".".join(key.path)
