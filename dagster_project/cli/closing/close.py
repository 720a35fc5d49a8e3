"""``tieout land`` and ``close``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from dagster_project.cli.alerts import alerting
from dagster_project.cli.installing.sandbox import tell_of_stopped
from dagster_project.cli.session import Session, waiting, with_session
from dagster_project.quantities import HEADLINES, counted, exponents
from reverse_etl.errors import ConfigurationError, TieoutError

if TYPE_CHECKING:
    from dagster import AssetKey

    from dagster_project.close import CloseKey
    from dagster_project.close.steps import Checkpoint, RefusedRow
    from dagster_project.runs.runner import JobRun, JobRunner
    from reverse_etl.settings import Settings

CHECKPOINT_COLUMNS = ("checkpoint", "entity", "measure", "left", "right", "listed", "difference", "status")
DAY = click.DateTime(["%Y-%m-%d"])


class CloseFailedError(TieoutError):
    """A run of a job failed; the message has the reason of each failed step."""


@click.command("land")
@click.option("--from", "first", type=DAY, help="First day of arrival (default: the first one delivered).")
@click.option("--to", "last", type=DAY, help="Last day of arrival, included (default: the last one delivered).")
@waiting
@with_session
def land_command(session: Session, first: datetime | None, last: datetime | None) -> int:
    """Land what was delivered on a range of days; files that landed before are skipped. Rows of reference data that break a rule are listed
    with file, line and rule; they are not used, and the exit code is 1."""
    settings = session.installation.settings
    days = delivered_days(settings)
    # A wrong command line is answered before Dagster is loaded.
    from dagster_project.runs.runner import JobRunner, exclusive

    with exclusive(settings, "tieout land", session.wait):
        run, refused = land(session, JobRunner(settings, session.wait), first.date() if first else days[0], last.date() if last else days[-1])
    session.result({**asdict(run), "refused": [asdict(row) for row in refused]})
    return 1 if refused else 0


@click.command("close")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--land/--no-land", "with_landing", default=True, help="Land first what arrived up to the first day after the period.")
@waiting
@with_session
def close_command(session: Session, period: str, entity: str | None, with_landing: bool) -> None:
    """Close PERIOD (YYYY-MM) through the Dagster job. Running it again changes nothing."""
    from dagster_project.cli.posting.exceptions import open_exceptions
    from dagster_project.close.partitions import first_day_after, require_ended
    from dagster_project.close.steps import checkpoints

    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    for key in keys:
        require_ended(key, installation.settings.calendar, datetime.now(UTC))
    from dagster_project.runs.runner import JobRunner, exclusive

    with alerting(session), exclusive(installation.settings, f"tieout close {period}", session.wait):
        runner = JobRunner(installation.settings, session.wait)
        if with_landing:
            days = [day for day in delivered_days(installation.settings) if day <= first_day_after(period)]
            if days:
                land(session, runner, days[0], days[-1])
        run = close(session, runner, keys)
        if not run.succeeded:
            session.line(f"What it waits for: tieout checklist {period}" + (f" --entity {entity}" if entity else ""))
            tell_of_stopped(session)
        refuse(run)
    found = checkpoints(installation, entity, period, published=True)
    tell_checkpoints(session, period, found)
    # A month may close while something waits that belongs to no month yet, such as an event without a readable time.
    waiting = Counter(record["kind"] for records in open_exceptions(installation).values() for record in records)
    if waiting:
        session.line(f"For a person to look at: {', '.join(f'{count} of kind {kind}' for kind, count in waiting.items())}; see 'tieout exceptions'")
    session.result({"period": period, "run_id": run.run_id, "checkpoints": [asdict(checkpoint) for checkpoint in found]})


def tell_checkpoints(session: Session, period: str, found: Sequence[Checkpoint]) -> None:
    """The main measure of each checkpoint, and whatever breaks; ``listed`` is what has its reason. Below, how many measures there are of all."""
    decimals = exponents()
    ordered = sorted(found, key=lambda one: (int(one.checkpoint[1:]), one.entity))
    main = [one for one in ordered if not one.tied or one.measure == HEADLINES.get(one.checkpoint)]
    shown = [
        {**read, "left": read["left_value"], "right": read["right_value"], "listed": read["excused_value"] if Decimal(one.excused_value) else None}
        for one, read in ((one, one.as_read(decimals)) for one in main)
    ]
    session.table(f"Checkpoints of {period}", shown, CHECKPOINT_COLUMNS)
    told = f"{sum(one.tied for one in found)} of {counted(len(found), 'measure')} tied"
    session.line(f"{told}; every one of them, and what the month came to: {session.settings.home / 'pages' / f'close-{period}.html'}")


def close_keys(settings: Settings, period: str, entity: str | None) -> list[CloseKey]:
    """Raises ``ConfigurationError`` for a period or an entity that the installation does not have."""
    from dagster_project.close.partitions import CloseKey, first_day

    if first_day(period) < first_day(settings.first_period):
        raise ConfigurationError(
            f"period {period} is before the first period {settings.first_period} of this installation; name that one or a later one"
        )
    if entity:
        settings.require_entity(entity)
    return [CloseKey(name, period) for name in ([entity] if entity else settings.entities)]


def delivered_days(settings: Settings) -> list[date]:
    """The days of arrival of which there are folders in the inbox, rising.

    Raises:
        ConfigurationError: nothing was delivered.
    """
    days = set()
    for folder in settings.inbox.glob("*/*"):
        try:
            days.add(date.fromisoformat(folder.name))
        except ValueError:
            continue
    if not days:
        raise ConfigurationError(
            f"nothing was delivered: {settings.inbox} has no <source>/<YYYY-MM-DD> folder; deliver files there or run 'tieout sample'"
        )
    return sorted(days)


def land(session: Session, runner: JobRunner, first: date, last: date) -> tuple[JobRun, list[RefusedRow]]:
    """One run of landing, and the rows of reference data that it landed and that are refused."""
    from dagster_project.close.steps import landed_files, refused_reference_rows

    installation = session.installation
    position = max(landed_files(installation).values(), default=0)
    with session.watching():
        run = runner.land(first, last)
    refuse(run)
    refused = refused_reference_rows(installation, list(landed_files(installation, position)))
    if refused:
        rows = [asdict(row) for row in refused]
        session.table(
            f"{len(refused)} rows of reference data are refused and not used",
            rows,
            ["file_name", "line_number", "subject", "rule", "meaning", "what_to_do"],
        )
    return run, refused


def close(session: Session, runner: JobRunner, keys: Sequence[CloseKey], only: Sequence[AssetKey] | None = None) -> JobRun:
    """One run that closes one period for the given entities, or makes ``only`` some assets of it; a failed one is told by its failures."""
    with session.watching():
        return runner.close(keys, only)


def refuse(run: JobRun) -> None:
    """Raises ``CloseFailedError`` for a run that failed."""
    if not run.succeeded:
        raise CloseFailedError("; ".join(run.failures) or f"run {run.run_id} failed")
