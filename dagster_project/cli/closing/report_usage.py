"""``tieout report-usage``: usage to the billing platform before it invoices, which it does at its own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagster_project.cli.closing.close import close, close_keys, refuse
from dagster_project.cli.session import Session, waiting, with_session

if TYPE_CHECKING:
    from dagster import AssetKey

    from dagster_project.runs.runner import JobRunner


@click.command("report-usage")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@waiting
@with_session
def report_usage_command(session: Session, period: str, entity: str | None) -> None:
    """Report what was used in PERIOD (YYYY-MM) and not reported yet, of the plans that the billing platform rates.

    Nothing is invoiced and no journal is made: run it as often as usage lands.
    """
    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    from dagster_project.runs.runner import JobRunner, exclusive

    with exclusive(installation.settings, f"tieout report-usage {period}", session.wait):
        runner = JobRunner(installation.settings, session.wait)
        run = close(session, runner, keys, only=reporting_assets(runner))
    refuse(run)
    session.result({"period": period, "run_id": run.run_id})


def reporting_assets(runner: JobRunner) -> list[AssetKey]:
    """What of a close is needed to report usage."""
    import dagster as dg

    from dagster_project.defs.assets.platform import DELIVERY_USAGE

    wanted = dg.AssetSelection.assets(DELIVERY_USAGE).upstream() - dg.AssetSelection.groups("landing", "sources")
    return sorted(wanted.resolve(runner.definitions.resolve_asset_graph()))
