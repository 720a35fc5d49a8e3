"""What Dagster is told of the columns of a model that was built: their types, descriptions and origins.

Origins are kept in the home folder by the hash of what they are computed from, so that a model costs once what reading its SQL costs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.dbt.column_lineage import Catalog, Column, Origins, column_origins
from dagster_project.dbt.translator import TieoutTranslator
from reverse_etl.whole_files import write_whole

# What is read into a query (days to rebuild, keys that were touched) changes with every run and no column with it.
_LITERALS = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
_LISTS = re.compile(r"0(?:\s*,\s*0)+")
Relation = tuple[str, str]


@dataclass(frozen=True, slots=True)
class BuiltModel:
    """``reads``: the relations that it depends on, itself included, for incremental models read themselves."""

    unique_id: str
    relation: Relation
    sql: str
    reads: tuple[Relation, ...]


class KnownLineage:
    """The origins of the columns of all models that were ever built here, the last ones of each. ``path``: a JSON file, written whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] | None = None

    def of(self, models: Iterable[BuiltModel], catalog: Catalog) -> dict[str, Origins]:
        """By unique id. What is not known yet is computed and remembered; a file that cannot be read is as good as none."""
        entries = self._loaded()
        found: dict[str, Origins] = {}
        changed = False
        for model in models:
            read = {relation: catalog[relation] for relation in model.reads if relation in catalog}
            returned = tuple(catalog.get(model.relation, ()))
            key = _key(model.sql, read, returned)
            entry = entries.get(model.unique_id)
            if entry is None or entry.get("key") != key:
                origins = column_origins(model.sql, read, returned)
                entries[model.unique_id] = {"key": key, "columns": origins.columns, "unresolved": origins.unresolved}
                changed = True
            else:
                columns = {name: tuple((str(s), str(r), str(c)) for s, r, c in of) for name, of in entry["columns"].items()}
                origins = Origins(columns, tuple(entry["unresolved"]))
            found[model.unique_id] = origins
        if changed:
            self._store(entries)
        return found

    def _loaded(self) -> dict[str, dict[str, Any]]:
        if self._entries is None:
            try:
                content = json.loads(self._path.read_bytes())
                self._entries = content["models"] if content.get("sqlglot") == version("sqlglot") else {}
            except (OSError, ValueError, KeyError, AttributeError):
                self._entries = {}
        assert self._entries is not None
        return self._entries

    def _store(self, entries: Mapping[str, Any]) -> None:
        write_whole(self._path, json.dumps({"sqlglot": version("sqlglot"), "models": entries}, separators=(",", ":")))


def built_models(results: Iterable[Any], manifest: Mapping[str, Any]) -> list[BuiltModel]:
    """The models among dbt's results that were built from SQL."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    return [
        BuiltModel(
            node.unique_id,
            relation_of(nodes[node.unique_id]),
            node.compiled_code,
            (*(relation_of(nodes[one]) for one in node.depends_on.nodes if one in nodes), relation_of(nodes[node.unique_id])),
        )
        for node in (result.node for result in results if str(result.status) == "success")
        if node.resource_type == "model" and node.unique_id in nodes and getattr(node, "compiled_code", None)
    ]


def relation_of(node: Mapping[str, Any]) -> Relation:
    """Schema and name in the warehouse of a model, seed or source of the manifest."""
    return str(node["schema"]).lower(), str(node.get("identifier") or node.get("alias") or node["name"]).lower()


def column_metadata(
    node: Mapping[str, Any], origins: Origins | None, columns: Mapping[str, str], manifest: Mapping[str, Any], translator: TieoutTranslator
) -> dict[str, Any]:
    """``dagster/column_schema`` and ``dagster/column_lineage`` of one model, and ``columns_from``, the same for people: the interface that comes with
    Dagster draws no lineage of columns. ``columns``: name -> type, as the warehouse has them.
    """
    if not columns:
        return {}
    told = {str(name).lower(): column for name, column in node["columns"].items()}
    metadata: dict[str, Any] = {
        "dagster/column_schema": dg.TableSchema([_column(name, kind, told.get(name.lower(), {})) for name, kind in columns.items()])
    }
    if origins is not None and any(origins.columns.values()):
        assets = _assets(node, manifest, translator)
        columns_from = {name: _once(assets, of) for name, of in origins.columns.items()}
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(
            {name: [dg.TableColumnDep(asset, column) for asset, column in of] for name, of in columns_from.items()}
        )
        metadata["columns_from"] = dg.MetadataValue.md(_as_read(columns_from))
    if origins is not None and origins.unresolved:
        metadata["columns_without_lineage"] = dg.MetadataValue.text(", ".join(origins.unresolved))
    return metadata


def _as_read(columns_from: Mapping[str, Sequence[tuple[dg.AssetKey, str]]]) -> str:
    """A line per column, with a link to each asset that it is computed from."""
    lines = ["| column | computed from |", "| --- | --- |"]
    for name, of in columns_from.items():
        by_asset: dict[dg.AssetKey, list[str]] = {}
        for asset, column in of:
            by_asset.setdefault(asset, []).append(column)
        read = [f"[{key}](/assets/{key}) {', '.join(columns)}" for asset, columns in by_asset.items() for key in [asset.to_user_string()]]
        lines.append(f"| {name} | {'; '.join(read) or 'nothing: a constant or a count'} |")
    return "\n".join(lines)


def _once(assets: Mapping[Relation, dg.AssetKey], origins: Iterable[Column]) -> list[tuple[dg.AssetKey, str]]:
    """Relations of one asset (the register's are) may have columns of one name; Dagster takes each column of an asset once."""
    return list(dict.fromkeys((assets[schema, relation], column) for schema, relation, column in origins if (schema, relation) in assets))


def _column(name: str, kind: str, told: Mapping[str, Any]) -> dg.TableColumn:
    sensitivity = {**(told.get("meta") or {}), **((told.get("config") or {}).get("meta") or {})}.get("sensitivity")
    nullable = not any(one.get("type") == "not_null" for one in told.get("constraints") or ())
    return dg.TableColumn(
        name,
        kind,
        description=told.get("description") or None,
        constraints=dg.TableColumnConstraints(nullable=nullable),
        tags={"sensitivity": sensitivity} if sensitivity else None,
    )


def _assets(node: Mapping[str, Any], manifest: Mapping[str, Any], translator: TieoutTranslator) -> dict[Relation, dg.AssetKey]:
    """The asset of each relation that the model reads: the register is one relation and three assets, told apart by what the model depends on."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    return {relation_of(nodes[one]): translator.get_asset_key(nodes[one]) for one in node["depends_on"]["nodes"] if one in nodes}


def _key(sql: str, read: Catalog, returned: Sequence[str]) -> str:
    shape = _LISTS.sub("0", _LITERALS.sub("0", sql))
    content = json.dumps([shape, sorted((*relation, *columns) for relation, columns in read.items()), returned])
    return hashlib.sha256(content.encode()).hexdigest()
