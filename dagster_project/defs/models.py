"""dbt's models, seeds and tests as assets and checks. Dagster splits them around the seals by itself."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.dbt import InProcessDbt, TieoutTranslator
from dagster_project.defs.partitions import ONE_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import step


def model_assets(manifest: Mapping[str, Any], translator: TieoutTranslator) -> dg.AssetsDefinition:
    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator, pool=WAREHOUSE_POOL, backfill_policy=ONE_RUN, name="models")
    def models(context: dg.AssetExecutionContext, dbt: dg.ResourceParam[InProcessDbt]) -> Iterator[Any]:
        folders = sorted({key.path[0] for key in context.selected_asset_keys})
        with step(context, "dbt build") as told:
            seen: Counter[str] = Counter()
            for event in dbt.build(context, manifest, translator):
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
