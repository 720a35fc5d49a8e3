"""dbt's models, seeds and tests as assets and checks: a step of the close builds all that can be built between two of its seals."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.dbt import InProcessDbt, TieoutTranslator
from dagster_project.dbt.phases import Phase, phases
from dagster_project.dbt.refreshed import refreshed_models, tests_of
from dagster_project.defs.assets.sealing import SEAL_BILLING, SEAL_JOURNALS
from dagster_project.defs.automation.jobs import REFRESH_MODELS
from dagster_project.defs.partitions import ONE_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import step
from dagster_project.runs.instance import IN_TURN

RATING_AND_DRAFTS = "rating_and_drafts"
PHASES = {SEAL_BILLING: "journals", SEAL_JOURNALS: "reconciliation"}
"""What is built once that is sealed and what follows from it has been read."""
DBT_BUILD = "dbt build"


def model_assets(
    manifest: Mapping[str, Any], translator: TieoutTranslator, others: Iterable[dg.AssetsDefinition | dg.AssetSpec]
) -> list[dg.AssetsDefinition]:
    """A step for each phase of a close. ``others``: every asset that is no model, from which it follows what a model has to wait for."""
    specs = [spec for other in others for spec in (other.specs if isinstance(other, dg.AssetsDefinition) else [other])]
    upstream = {spec.key: [dep.asset_key for dep in spec.deps] for spec in specs}
    return [_built(phase, manifest, translator) for phase in phases(manifest, translator, upstream, RATING_AND_DRAFTS, PHASES)]


def _built(phase: Phase, manifest: Mapping[str, Any], translator: TieoutTranslator) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=manifest,
        select=phase.select,
        exclude=phase.exclude,
        dagster_dbt_translator=translator,
        pool=WAREHOUSE_POOL,
        backfill_policy=ONE_RUN,
        name=phase.name,
    )
    def models(context: dg.AssetExecutionContext, dbt: dg.ResourceParam[InProcessDbt]) -> Iterator[Any]:
        asked = {*context.selected_asset_keys, *(check.asset_key for check in context.selected_asset_check_keys)}
        folders = sorted({key.path[0] for key in asked})
        tests = None
        if context.run.tags.get(IN_TURN) == REFRESH_MODELS:
            # What a test reads besides, only a close builds: before the first one it is not there, and later it is behind what was drafted.
            tests = tests_of(refreshed_models(manifest, translator), manifest, translator)
        with step(context, f"{DBT_BUILD} {phase.name}") as told:
            seen: Counter[str] = Counter()
            for event in dbt.build(context, manifest, translator, tests=tests):
                seen[type(event).__name__] += 1
                yield event
            told.message = f"{seen['Output']} models and {seen['AssetCheckResult']} tests of {', '.join(folders)}"

    return models


def exposed_assets(manifest: Mapping[str, Any], documentation: Path) -> list[dg.AssetSpec]:
    """dbt's exposures: who reads the models beyond the close. ``documentation``: where 'tieout docs' writes what every column means."""
    translator = TieoutTranslator()
    return [
        dg.AssetSpec(
            ["exposure", exposure["name"]],
            deps=[translator.get_asset_key(manifest["nodes"][node]) for node in exposure["depends_on"]["nodes"] if node in manifest["nodes"]],
            group_name="exposures",
            kinds={exposure["type"]},
            owners=[_team(exposure["owner"])],
            description=exposure.get("description") or exposure["name"],
            metadata={"dbt_docs": dg.MetadataValue.path(str(documentation))},
        )
        for exposure in manifest.get("exposures", {}).values()
    ]


def _team(owner: Mapping[str, str]) -> str:
    """An exposure's owner as Dagster writes a team: letters, digits, dashes and underscores."""
    return f"team:{re.sub(r'[^A-Za-z0-9_-]+', '-', owner['name']).strip('-').lower()}"
