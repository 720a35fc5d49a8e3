"""``tieout checklist``: where the close of a period stands, what holds it up, and the command that one goes on with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagster_project.checklist.standing import FailedRun
    from dagster_project.checklist.step import ChecklistStep
    from dagster_project.close import CloseKey, Installation

COLUMNS = ("step", "state", "due", "owner", "what")


@click.command("checklist")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@with_session
def checklist_command(session: Session, period: str, entity: str | None) -> int:
    """Show every step of the close of PERIOD (YYYY-MM) with its state, when it is due, and what it rests on or waits for; below, what holds it up
    with the command to go on with. The exit code is 0 when the period is hard closed, 1 while anything is left."""
    from dagster_project.checklist.gathering import checklists_of
    from dagster_project.checklist.shown import record
    from dagster_project.cli.closing.close import close_keys

    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    now = datetime.now(UTC)
    steps = checklists_of(installation, keys, now, _failed_runs(installation, keys))
    for key in keys:
        _tell(session, key, [step for step in steps if step.entity == key.entity])
    session.result([record(step) for step in steps])
    return 0 if all(step.is_done for step in steps) else 1


def _tell(session: Session, key: CloseKey, steps: Sequence[ChecklistStep]) -> None:
    from dagster_project.checklist.shown import row, summary

    session.table(f"Close of {key.period}, {key.entity}: {summary(steps)}", [row(step) for step in steps], COLUMNS)
    for step in steps:
        for blocker in step.blockers:
            session.line(f"{step.title}: {blocker}")
            session.line(f"  {blocker.command}    (in Dagster: {blocker.asset_key})")


def _failed_runs(installation: Installation, keys: Sequence[CloseKey]) -> dict[CloseKey, FailedRun]:
    """How the last run of each close failed, where Dagster knows; its event log is read, and no one waits for it."""
    settings = installation.settings
    if not (settings.home / "dagster" / "dagster.yaml").is_file():
        return {}
    from dagster_project.checklist.runs import failed_runs
    from dagster_project.runs.instance import open_instance

    with open_instance(settings) as instance:
        return failed_runs(instance, keys, settings.entities)
