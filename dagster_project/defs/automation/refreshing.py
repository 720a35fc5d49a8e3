"""Models that follow what lands, by declaration: usage, rating and what analysts see of drafts. Nothing here seals or posts.

The register's mirror is read as the last close left it: what is drafted is drafted against that, and a close computes anew whatever it seals.
"""

from collections.abc import Sequence

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.steps import publish
from dagster_project.defs.automation.jobs import REFRESH_MODELS
from dagster_project.defs.partitions import WAREHOUSE_POOL
from dagster_project.defs.reporting import step
from dagster_project.runs.instance import IN_TURN

PUBLISHED = dg.AssetKey(["warehouse", "published"])


def when_what_it_reads_has_changed(followed: Sequence[dg.AssetKey]) -> dg.AutomationCondition[dg.AssetKey]:
    """Once per change of anything followed, unless it is under way; not for what a run builds together with it, as a close does.

    Also once where it was never built: a seed reads nothing, and the register has not changed before the first close; what lands is built on both.
    """
    changed = dg.AutomationCondition.any_deps_updated().allow(dg.AssetSelection.assets(*followed))
    never_built = dg.AutomationCondition.missing().newly_true()
    return (
        (changed | never_built).since(dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
    ).with_label("what it reads has changed")


def published_asset(models: Sequence[dg.AssetKey], condition: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLISHED,
        deps=models,
        pool=WAREHOUSE_POOL,
        group_name="warehouse",
        kinds={"duckdb"},
        owners=["team:finance-engineering"],
        automation_condition=condition,
        description="The copy of the warehouse that analysts, tieout status and the sensors read, whatever is being written meanwhile.",
    )
    def published(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> dg.MaterializeResult[None]:
        with step(context, "warehouse/published") as told:
            publish(installation)
            size = installation.settings.published_path.stat().st_size
            told.message = f"{size / 1e6:.1f} MB published"
            told.metadata = {"path": dg.MetadataValue.path(installation.settings.published_path), "bytes": size}
        return dg.MaterializeResult(metadata=told.metadata)

    return published


def refreshing_sensor(refreshed: Sequence[dg.AssetKey]) -> dg.AutomationConditionSensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        "refresh_models_after_landing",
        target=dg.AssetSelection.assets(*refreshed),
        run_tags={IN_TURN: REFRESH_MODELS},
        minimum_interval_seconds=60,
        description="Builds the models that follow what lands (usage, rating, drafts) once something they read has changed, and publishes them.",
    )
