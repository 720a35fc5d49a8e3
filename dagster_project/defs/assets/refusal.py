"""A close whose checkpoints do not tie: what one presses or types to go on, in the words of Dagster's run page."""

from collections.abc import Mapping, Sequence
from contextlib import closing

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey
from dagster_project.defs.assets.models import PHASES
from dagster_project.defs.assets.sealing import SEAL_JOURNALS
from reverse_etl.oversight.undelivered import UNDELIVERED_STATES

CHECKPOINTS = dg.AssetKey(["reconciliation", "checkpoints"])
COMPARING_STEP, DELIVERING_STEP = PHASES[SEAL_JOURNALS], "deliveries"


def going_on(context: dg.AssetExecutionContext, installation: Installation, refused: Sequence[CloseKey]) -> str:
    """One line for the entities of a run that stay open."""
    steps = context.run.step_keys_to_execute
    compared_anew = CHECKPOINTS in context.job_def.asset_layer.selected_asset_keys and (steps is None or COMPARING_STEP in steps)
    return how_to_go_on(refused, undelivered(installation, refused), compared_anew)


def how_to_go_on(refused: Sequence[CloseKey], waiting: Mapping[str, int], compared_anew: bool) -> str:
    """``refused``: of one period. ``waiting``: documents of it that are not at their destination, by destination. ``compared_anew``: the run did more
    than look at what a run before it had compared, which is all that a re-execution from failure does."""
    command = f"tieout close {refused[0].period}" + (f" --entity {refused[0].entity}" if len(refused) == 1 else "")
    button = 'press "Re-execute all (*)"; "From failure" compares nothing anew'
    if not compared_anew:
        button = 'choose "All steps in root run" from the menu beside the button'
    told = f"See 'tieout exceptions' and reconciliation.checkpoint_breaks. When that is settled: '{command}', or in Dagster {button}"
    if waiting:
        documents = ", ".join(f"{count} not at {system} yet" for system, count in sorted(waiting.items()))
        told += f'. If only documents wait ({documents}): select the step {DELIVERING_STEP}, then "From selected"'
    return told if compared_anew else f"This run compared nothing anew. {told}"


def undelivered(installation: Installation, keys: Sequence[CloseKey]) -> dict[str, int]:
    """Documents of the periods that are not at their destination, by destination."""
    found: dict[str, int] = {}
    with closing(installation.open_register()) as register:
        for group in register.waiting(UNDELIVERED_STATES):
            if CloseKey(group.entity, group.period) in keys:
                found[group.system] = found.get(group.system, 0) + group.documents
    return found
