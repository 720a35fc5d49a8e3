"""A model is built in the phase of the close that the last thing it reads belongs to, and every test where all that it reads is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.dbt import TieoutTranslator
from dagster_project.dbt.phases import phases
from dagster_project.defs.assets.models import model_assets

BILLING, JOURNALS = dg.AssetKey(["seal", "billing"]), dg.AssetKey(["seal", "journals"])
# What lands, is sealed, and is mirrored or read back afterwards, as in a close.
STEPS = [
    dg.AssetSpec(["raw", "usage_events"]),
    dg.AssetSpec(BILLING, deps=[["outbox", "invoices"]]),
    dg.AssetSpec(["register", "issued"], deps=[BILLING]),
    dg.AssetSpec(JOURNALS, deps=[["outbox", "journals"]]),
    dg.AssetSpec(["ledger", "journal"], deps=[JOURNALS]),
    dg.AssetSpec(["raw", "ledger_moves"], deps=[["ledger", "journal"]]),
]
MODELS = {
    "usage": ["source.shop.raw_usage.usage_events"],
    "invoices": ["model.shop.usage"],
    "issued": ["source.shop.register_issued.documents"],
    "journals": ["model.shop.issued", "model.shop.invoices"],
    "moves": ["source.shop.read_backs.ledger_moves"],
    "tied": ["model.shop.journals", "model.shop.moves", "model.shop.usage"],
}
TESTS = {
    "usage_is_unique": ("usage", ["model.shop.usage"]),
    "journals_are_of_invoices": ("journals", ["model.shop.journals", "model.shop.invoices"]),
    "journals_are_in_the_ledger": ("journals", ["model.shop.journals", "model.shop.moves"]),
}


def manifest(models: Mapping[str, list[str]]) -> dict[str, Any]:
    """What dbt writes of a project, as far as assets are made from it."""

    def node(kind: str, name: str, reads: list[str], **more: Any) -> dict[str, Any]:
        shared = {"name": name, "unique_id": f"{kind}.shop.{name}", "resource_type": kind, "package_name": "shop", "fqn": ["shop", name]}
        schema = "outbox" if name in ("invoices", "journals") else "room"
        config = {"enabled": True, "materialized": "table", "schema": schema, "meta": {}}
        rest = {"schema": schema, "alias": name, "depends_on": {"nodes": reads}, "config": config, "meta": {}, "tags": [], "columns": {}}
        return shared | rest | {"original_file_path": f"models/{name}.sql", "database": "shop"} | more

    def source(group: str, schema: str, name: str) -> dict[str, Any]:
        return node("source", name, [], unique_id=f"source.shop.{group}.{name}", source_name=group, schema=schema, identifier=name)

    sources = [
        source("raw_usage", "raw", "usage_events"),
        source("register_issued", "register", "documents"),
        source("read_backs", "raw", "ledger_moves"),
    ]
    nodes = [node("model", name, reads) for name, reads in models.items()]
    nodes += [node("test", name, reads, attached_node=f"model.shop.{of}") for name, (of, reads) in TESTS.items()]
    parents = {one["unique_id"]: one["depends_on"]["nodes"] for one in (*nodes, *sources)}
    return {
        "metadata": {"project_name": "shop", "dbt_version": "1.11.0", "adapter_type": "duckdb"},
        "nodes": {one["unique_id"]: one for one in nodes},
        "sources": {one["unique_id"]: one for one in sources},
        **{part: {} for part in ("metrics", "exposures", "semantic_models", "saved_queries", "unit_tests", "selectors", "functions", "macros")},
        "parent_map": parents,
        "child_map": {name: [child for child, read in parents.items() if name in read] for name in parents},
    }


def built(project: Mapping[str, Any], others: Sequence[dg.AssetSpec] = STEPS) -> dict[str, set[str]]:
    """The models of each step, by the name of the step."""
    steps = model_assets(project, TieoutTranslator(), others)
    return {step.op.name: {key.path[-1] for key in step.keys} for step in steps}


def checked(project: Mapping[str, Any]) -> dict[str, set[str]]:
    """``asset:test`` of each step, by the name of the step."""
    steps = model_assets(project, TieoutTranslator(), STEPS)
    return {step.op.name: {f"{key.asset_key.path[-1]}:{key.name}" for key in step.check_keys} for step in steps}


def test_a_step_builds_what_the_seals_before_it_have_made_readable() -> None:
    assert built(manifest(MODELS)) == {
        "rating_and_drafts": {"usage", "invoices"},
        "journals": {"issued", "journals"},
        "reconciliation": {"moves", "tied"},
    }


def test_a_model_that_somebody_adds_is_built_with_the_last_of_what_it_reads() -> None:
    for reads, step in (
        (["model.shop.invoices"], "rating_and_drafts"),
        ([], "rating_and_drafts"),
        (["model.shop.invoices", "model.shop.journals"], "journals"),
        (["source.shop.raw_usage.usage_events", "source.shop.register_issued.documents"], "journals"),
        (["model.shop.usage", "model.shop.tied"], "reconciliation"),
    ):
        assert "added" in built(manifest({**MODELS, "added": reads}))[step], (reads, step)


def test_a_relation_that_is_filled_from_what_a_phase_computed_is_read_no_sooner() -> None:
    """No seal lies between: only the model that the asset reads waits for one."""
    exported = dg.AssetSpec(["raw", "usage_events"], deps=[["outbox", "journals"]])
    project = manifest({**MODELS, "invoices": [], "journals": ["model.shop.issued"], "tied": ["model.shop.moves"]})
    found = built(project, [exported, *STEPS[1:]])
    assert found["rating_and_drafts"] == {"invoices"}
    assert found["journals"] == {"usage", "issued", "journals"}


def test_a_test_runs_where_all_that_it_reads_is_built_and_stays_a_check_of_its_model() -> None:
    assert checked(manifest(MODELS)) == {
        "rating_and_drafts": {"usage:usage_is_unique"},
        "journals": {"journals:journals_are_of_invoices"},
        "reconciliation": {"journals:journals_are_in_the_ledger"},
    }


def test_a_phase_that_no_model_waits_for_is_no_step() -> None:
    [only] = phases(manifest(MODELS), TieoutTranslator(), {}, "all", {BILLING: "journals"})
    assert (only.name, only.select, only.exclude) == ("all", "fqn:*", "")
