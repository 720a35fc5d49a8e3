"""The models that follow what lands, and what can be asserted of them before a close: read off the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

REFRESHED_FOLDERS = ("usage", "rating", "analytics")


def refreshed_models(manifest: Mapping[str, Any], translator: DagsterDbtTranslator) -> frozenset[dg.AssetKey]:
    """The models of those folders with every model and seed that they read."""
    nodes = manifest["nodes"]
    found: set[str] = set()
    waiting = [name for name, node in nodes.items() if node["resource_type"] == "model" and node["fqn"][1] in REFRESHED_FOLDERS]
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            waiting.extend(nodes[name]["depends_on"].get("nodes", ()))
    return frozenset(translator.get_asset_key(nodes[name]) for name in found)


def tests_of(models: frozenset[dg.AssetKey], manifest: Mapping[str, Any], translator: DagsterDbtTranslator) -> frozenset[str]:
    """The unique ids of the tests that read nothing but these models."""
    nodes = manifest["nodes"]
    return frozenset(
        name
        for name, node in nodes.items()
        if node["resource_type"] == "test"
        and all(translator.get_asset_key(nodes[read]) in models for read in node["depends_on"].get("nodes", ()) if read in nodes)
    )
