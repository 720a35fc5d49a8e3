"""The phases of a close: what lies between two seals, and which models can be built there. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

EVERYTHING = "fqn:*"


@dataclass(frozen=True, slots=True)
class Phase:
    """``select`` and ``exclude`` are of dbt: the models of the phase, and the tests of which the last model that they read is one of these."""

    name: str
    select: str
    exclude: str


def phases(
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    upstream: Mapping[dg.AssetKey, Collection[dg.AssetKey]],
    first: str,
    after: Mapping[dg.AssetKey, str],
) -> tuple[Phase, ...]:
    """The phases that have models, in their order. A model is built in the last one that anything it reads waits for.

    ``upstream``: what each asset reads that is no model. ``first``: the name of the phase of which no model waits for a seal; ``after``: the names
    of those that follow, by the seal that each waits for, in their order.
    """
    graph = {**_models_read(manifest, translator), **upstream}
    begins: dict[str, list[str]] = {name: [] for name in after.values()}
    for source in manifest["sources"].values():
        behind = _with_all_that_it_reads(translator.get_asset_key(source), graph)
        waited_for = [name for seal, name in after.items() if seal in behind]
        if waited_for:
            begins[waited_for[-1]].append(f"source:{source['source_name']}.{source['name']}+")
    found: list[Phase] = []
    later: list[str] = []
    for name, sources in reversed(begins.items()):
        if sources:
            found.append(Phase(name, " ".join(sorted(sources)), " ".join(later)))
            later += sorted(sources)
    return (Phase(first, EVERYTHING, " ".join(later)), *reversed(found))


def _models_read(manifest: Mapping[str, Any], translator: DagsterDbtTranslator) -> dict[dg.AssetKey, list[dg.AssetKey]]:
    known = {**manifest["sources"], **manifest["nodes"]}
    return {
        translator.get_asset_key(node): [translator.get_asset_key(known[one]) for one in node["depends_on"].get("nodes", ()) if one in known]
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed", "snapshot")
    }


def _with_all_that_it_reads(key: dg.AssetKey, graph: Mapping[dg.AssetKey, Collection[dg.AssetKey]]) -> frozenset[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    waiting = [key]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(graph.get(one, ()))
    return frozenset(found)
