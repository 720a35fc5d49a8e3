"""``tieout bill``: invoices that are due before their period has ended."""

from __future__ import annotations

import click

from dagster_project.cli.closing.close import close_keys, delivered_days, land, refuse
from dagster_project.cli.session import Session, waiting, with_session


@click.command("bill")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--land/--no-land", "with_landing", default=True, help="Land first what arrived before the end of the period.")
@waiting
@with_session
def bill_command(session: Session, period: str, entity: str | None, with_landing: bool) -> None:
    """Invoice what reached a threshold of its plan in PERIOD (YYYY-MM), and deliver it. Everything else of the period stays a draft.

    Running it again without more usage changes nothing.
    """
    from dagster_project.close.partitions import first_day_after

    settings = session.installation.settings
    keys = close_keys(settings, period, entity)
    from dagster_project.runs.runner import JobRunner, exclusive

    with exclusive(settings, f"tieout bill {period}", session.wait):
        runner = JobRunner(settings, session.wait)
        if with_landing:
            days = [day for day in delivered_days(settings) if day < first_day_after(period)]
            if days:
                land(session, runner, days[0], days[-1])
        with session.watching():
            run = runner.bill(keys)
    refuse(run)
    session.result(run)
