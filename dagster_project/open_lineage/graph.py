"""What is known of assets before anything runs: what they read, which relation they are, where their source is. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.dbt.translator import RAW_SCHEMA, TieoutTranslator
from dagster_project.shipped import DBT_PROJECT

REPOSITORY = DBT_PROJECT.parent


@dataclass(frozen=True, slots=True)
class AssetGraph:
    """``tables``: database, schema and name of those that are relations of the warehouse. ``sources``: path in the repository."""

    upstream: Mapping[dg.AssetKey, tuple[dg.AssetKey, ...]] = field(default_factory=dict)
    tables: Mapping[dg.AssetKey, str] = field(default_factory=dict)
    sources: Mapping[dg.AssetKey, str] = field(default_factory=dict)
    descriptions: Mapping[dg.AssetKey, str] = field(default_factory=dict)


def asset_graph(assets: Iterable[Any], manifest: Mapping[str, Any], database: str) -> AssetGraph:
    """``assets``: definitions and specs, as Dagster is given them; ``database``: what the warehouse calls itself."""
    translator = TieoutTranslator()
    models = {translator.get_asset_key(node): node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed", "snapshot")}
    upstream: dict[dg.AssetKey, tuple[dg.AssetKey, ...]] = {}
    tables: dict[dg.AssetKey, str] = {}
    sources: dict[dg.AssetKey, str] = {}
    descriptions: dict[dg.AssetKey, str] = {}
    for definition in assets:
        specs = definition.specs if isinstance(definition, dg.AssetsDefinition) else [definition] if isinstance(definition, dg.AssetSpec) else []
        for spec in specs:
            upstream[spec.key] = tuple(sorted(dep.asset_key for dep in spec.deps))
            if spec.description:
                descriptions[spec.key] = spec.description
            if spec.key in models:
                node = models[spec.key]
                tables[spec.key] = f"{database}.{node['schema']}.{node['alias']}"
                sources[spec.key] = f"{DBT_PROJECT.name}/{node['original_file_path']}"
            elif spec.key.path[0] == RAW_SCHEMA:
                tables[spec.key] = f"{database}.{'.'.join(spec.key.path)}"
            if spec.key not in sources and isinstance(definition, dg.AssetsDefinition):
                path = _source(definition)
                if path is not None:
                    sources[spec.key] = path
    return AssetGraph(upstream, tables, sources, descriptions)


def _source(definition: dg.AssetsDefinition) -> str | None:
    function = getattr(getattr(getattr(definition, "node_def", None), "compute_fn", None), "decorated_fn", None)
    file = inspect.getsourcefile(function) if function is not None else None
    if file is None or not Path(file).is_relative_to(REPOSITORY):
        return None
    return Path(file).relative_to(REPOSITORY).as_posix()
