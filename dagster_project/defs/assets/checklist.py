"""The checklist of a close as an asset: written by the last step of a close, by a step that fails, and whenever anything of it changes since."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from dagster_project.checklist.gathering import checklists_of
from dagster_project.checklist.runs import keys_of, reason_for
from dagster_project.checklist.shown import blocker_rows, row, summary
from dagster_project.checklist.standing import FailedRun
from dagster_project.checklist.step import ChecklistStep
from dagster_project.close import CloseKey, Installation
from dagster_project.defs.assets.closing import CLOSED_PERIOD
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN
from dagster_project.defs.reporting import Told, for_each_entity, table
from dagster_project.runs.step_failures import description_of, failed_partitions_of
from reverse_etl.errors import TieoutError

CHECKLIST = dg.AssetKey(["close", "checklist"])


def checklist_asset(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=CHECKLIST,
        deps=[CLOSED_PERIOD],
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        group_name="close",
        kinds={"sqlite"},
        owners=["team:finance"],
        description="Every step of the close of the entity and period: its state, owner, due time, evidence, and what holds it up with the command "
        "and the asset that one goes on with. Also written when a step of the close fails, and when anything of it changes outside of a run.",
    )
    def checklist(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        def work(close_of: CloseKey, told: Told) -> None:
            steps = checklists_of(installation, [close_of])
            told.message, told.metadata = summary(steps), metadata_of(steps)

        for_each_entity(context, "close/checklist", work)

    return checklist


@dg.failure_hook(required_resource_keys={"installation"}, name="checklist_of_a_failed_step")
def checklist_of_failure(context: dg.HookContext) -> None:
    """A step that fails keeps the checklist's own from running, and it is then that people want to read it. Runs in the process of the step, so that
    it needs no daemon."""
    installation: Installation = context.resources.installation
    run = context.instance.get_run_by_id(context.run_id)
    keys = keys_of(run.tags, installation.settings.entities) if run is not None else []
    told, by_partition = description_of(context.op_exception), failed_partitions_of(context.op_exception)
    reasons = {key: reason_for(key, context.step_key, told, by_partition) for key in keys}
    failed = {key: FailedRun(context.run_id, datetime.now(UTC), (reason,)) for key, reason in reasons.items() if reason is not None}
    try:
        events = list(_materializations(installation, keys, failed))
    except TieoutError as error:
        # What failed is what people must hear of, not that it could not be listed.
        context.log.warning(f"the checklist could not be written: {error}")
        return
    for event in events:
        context.instance.report_runless_asset_event(event)


def metadata_of(steps: Sequence[ChecklistStep]) -> dict[str, Any]:
    """Of one entity and period, in the order in which it is read: how it stands, where one goes, what holds it up, and every step."""
    links = {f"go to: {step.title}": blocker.asset_key for step in steps for blocker in reversed(step.blockers)}
    of = " ".join(sorted({f"{step.entity} {step.period}" for step in steps}))
    return {
        "summary": f"{of}: {summary(steps)}",
        **{name: dg.MetadataValue.asset(dg.AssetKey(key.split("/"))) for name, key in links.items()},
        "blockers": table(blocker_rows(steps)),
        "steps": table([row(step) for step in steps]),
    }


def _materializations(installation: Installation, keys: Sequence[CloseKey], failed: dict[CloseKey, FailedRun]) -> Iterator[dg.AssetMaterialization]:
    steps = checklists_of(installation, keys, failed_runs=failed)
    for key in keys:
        yield materialization(key, steps_of(steps, key))


def materialization(key: CloseKey, steps: Sequence[ChecklistStep]) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(CHECKLIST, partition=key.partition_key, metadata=metadata_of(steps))


def steps_of(steps: Sequence[ChecklistStep], key: CloseKey) -> list[ChecklistStep]:
    return [step for step in steps if (step.entity, step.period) == (key.entity, key.period)]
