"""How dbt's nodes appear in the asset graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dbt.asset_utils import get_asset_check_key_for_test, group_from_dbt_resource_props_fallback_to_directory

RAW_SCHEMA = "raw"
REGISTER_SOURCE_PREFIX = "register_"
MODEL_OWNER = "team:finance-engineering"
CONTROL_ATTRIBUTES = ("control", "owner", "severity")


class TieoutTranslator(DagsterDbtTranslator):
    """Sources are the assets that land, read back or mirror them; a model's group is its folder.

    The register is one relation mirrored at three moments of a close, so its tables share one asset key per moment:
    one key on both sides of a seal would be a cycle.
    """

    def __init__(self, conditions: Mapping[dg.AssetKey, dg.AutomationCondition[dg.AssetKey]] | None = None) -> None:
        """``conditions``: of the models that follow what they read."""
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self._conditions = conditions or {}

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        properties = dbt_resource_props
        meta = properties.get("config", {}).get("meta") or properties.get("meta") or {}
        if not meta.get("dagster", {}).get("asset_key"):
            if properties["resource_type"] == "source" and properties["source_name"].startswith(REGISTER_SOURCE_PREFIX):
                return dg.AssetKey(["register", properties["source_name"].removeprefix(REGISTER_SOURCE_PREFIX)])
            if properties["resource_type"] == "source" and properties["schema"] == RAW_SCHEMA:
                return dg.AssetKey([RAW_SCHEMA, properties["identifier"]])
            if properties.get("version"):
                return dg.AssetKey([properties["schema"], properties["alias"]])
        return super().get_asset_key(properties)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return group_from_dbt_resource_props_fallback_to_directory(dbt_resource_props) or dbt_resource_props["resource_type"] + "s"

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition[Any] | None:
        return self._conditions.get(self.get_asset_key(dbt_resource_props))

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        return super().get_owners(dbt_resource_props) or [MODEL_OWNER]

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """A control carries who answers for it, and the table with its break list.

        A test is a check of the asset that it names, also where it reads models that are built later, and so runs with these: dagster-dbt asks
        for it in the name of each that is built with it, and would know it of none.
        """
        named = get_asset_check_key_for_test(manifest, self, unique_id, project)
        if named is None:
            return None
        spec = super().get_asset_check_spec(asset_spec.replace_attributes(key=named.asset_key), manifest, unique_id, project)
        if spec is None:
            return None
        test = manifest["nodes"][unique_id]
        meta = test["config"].get("meta") or {}
        told = {name: meta[name] for name in CONTROL_ATTRIBUTES if name in meta}
        if test["config"].get("store_failures"):
            told["break_list"] = f"{test['schema']}.{test['alias']}"
        described = test.get("description") or spec.description
        if described and "owner" in told:
            # Dagster's page of a check shows its description, and none of the rest.
            described = f"{described.rstrip('.')}. Breaks are cleared by {told['owner']}."
        return spec._replace(description=described, metadata={**spec.metadata, **told})

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        # The default appends the raw SQL, which the code version and the repository already tell.
        return str(dbt_resource_props.get("description") or dbt_resource_props["name"])
