"""``tieout land``, ``close``, ``plan`` and ``push``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import ConfigurationError, TieoutError

if TYPE_CHECKING:
    from dagster import AssetKey

    from dagster_project.close import CloseKey
    from dagster_project.close.steps import RefusedRow
    from dagster_project.jobs import JobRun, JobRunner
    from reverse_etl.settings import Settings

CHECKPOINT_COLUMNS = ("period", "entity", "checkpoint", "measure", "unit", "left_value", "right_value", "difference", "status")
SHOWN_RELATIONS = ("analytics.draft_lines", "usage.quarantined_usage_events", "staging.refused_reference_rows")
"""What a plan computes beside the outbox: what tieout preview and exceptions show."""
PREVIEW_RELATIONS = (
    "staging.stg_register_closing__document_states",
    "staging.stg_register_closing__documents",
    "staging.stg_register_closing__billing_lines",
    # tieout trace walks on from a draft through these.
    "staging.stg_register_closing__journal_lines",
    "staging.stg_ledger__move_lines",
    "analytics.invoice_preview",
    "analytics.invoice_preview_events",
)
DAY = click.DateTime(["%Y-%m-%d"])


class CloseFailedError(TieoutError):
    """A run of a job failed; the message has the reason of each failed step."""


class PushFailedError(TieoutError):
    """At least one delivery failed; the message has the reason of each."""


@click.command("land")
@click.option("--from", "first", type=DAY, help="First day of arrival (default: the first one delivered).")
@click.option("--to", "last", type=DAY, help="Last day of arrival, included (default: the last one delivered).")
@with_session
def land_command(session: Session, first: datetime | None, last: datetime | None) -> int:
    """Land what was delivered on a range of days; files that landed before are skipped. Rows of reference data that break a rule are listed
    with file, line and rule; they are not used, and the exit code is 1."""
    settings = session.installation.settings
    days = delivered_days(settings)
    # A wrong command line is answered before Dagster is loaded.
    from dagster_project.jobs import JobRunner, exclusive

    with exclusive(settings, "tieout land"):
        run, refused = land(session, JobRunner(settings), first.date() if first else days[0], last.date() if last else days[-1])
    session.result({**asdict(run), "refused": [asdict(row) for row in refused]})
    return 1 if refused else 0


@click.command("close")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--land/--no-land", "with_landing", default=True, help="Land first what arrived up to the first day after the period.")
@with_session
def close_command(session: Session, period: str, entity: str | None, with_landing: bool) -> None:
    """Close PERIOD (YYYY-MM) through the Dagster job. Running it again changes nothing."""
    from dagster_project.close.partitions import first_day_after, require_ended
    from dagster_project.close.steps import checkpoints

    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    require_ended(period, date.today())
    from dagster_project.jobs import JobRunner, exclusive

    with exclusive(installation.settings, f"tieout close {period}"):
        runner = JobRunner(installation.settings)
        if with_landing:
            days = [day for day in delivered_days(installation.settings) if day <= first_day_after(period)]
            if days:
                land(session, runner, days[0], days[-1])
        run = close(session, runner, keys)
    refuse(run)
    found = [asdict(checkpoint) for checkpoint in checkpoints(installation, entity, period, published=True)]
    session.table(f"Checkpoints of {period}", found, CHECKPOINT_COLUMNS)
    session.result({"period": period, "run_id": run.run_id, "checkpoints": found})


@click.command("plan")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@with_session
def plan_command(session: Session, period: str, entity: str | None) -> None:
    """Compute the billing documents that a close of PERIOD would seal now, and seal nothing. Journals follow from what is sealed; 'tieout
    preview' shows the lines.

    For what a run gate stops an approval is asked, as the close would ask for it.
    """
    from dagster_project.close.approvals import ask_for_stopped, gate_evidence, stopped_gates
    from dagster_project.close.outbox import PLANNED_RELATIONS, proposed
    from dagster_project.close.steps import publish

    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    import dagster as dg

    from dagster_project.jobs import JobRunner, exclusive

    outbox = [dg.AssetKey(relation.split(".")) for relation in PLANNED_RELATIONS]
    with exclusive(installation.settings, f"tieout plan {period}"):
        runner = JobRunner(installation.settings)
        graph = runner.definitions.resolve_asset_graph()
        # The preview belongs to the end of a close; here it reads the register as the plan mirrored it.
        preview = [dg.AssetKey(relation.split(".")) for relation in PREVIEW_RELATIONS]
        shown = [dg.AssetKey(relation.split(".")) for relation in SHOWN_RELATIONS]
        wanted = dg.AssetSelection.assets(*outbox, *shown).upstream() - dg.AssetSelection.groups("landing", "sources", "seal")
        run = runner.close(keys, only=sorted([*wanted.resolve(graph), *preview]))
    refuse(run)
    publish(installation)
    for key in keys:
        ask_for_stopped(installation, key.entity, key.period, run.run_id)
    rows = [row for key in keys for row in proposed(installation.warehouse, PLANNED_RELATIONS, key.entity, key.period)]
    planned = [
        {
            "business_key": row.business_key,
            "operation": row.operation,
            "date": row.document_date.isoformat(),
            "currency": row.currency,
            "total_minor": row.total_minor,
            "cause": row.cause,
        }
        for row in rows
    ]
    session.table(f"{len(planned)} documents would be sealed", planned, ["business_key", "operation", "date", "currency", "total_minor", "cause"])
    stopped = [gate for gate in stopped_gates(installation, period) if gate["entity"] in {key.entity for key in keys}]
    waiting = [{"entity": gate["entity"], "plan": gate["plan_hash"], "stopped": gate_evidence(gate), "status": gate["status"]} for gate in stopped]
    if waiting:
        session.table(
            "Stopped by a run gate until another user approves the plan (tieout approve PLAN)", waiting, ["entity", "plan", "stopped", "status"]
        )
    session.result({"documents": planned, "stopped": waiting})


@click.command("push")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--system", help="One destination (default: all).")
@with_session
def push_command(session: Session, period: str, entity: str | None, system: str | None) -> None:
    """Deliver what is sealed for PERIOD and not yet at its destination."""
    from dagster_project.close.deliveries import Deliveries

    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    systems = [system] if system else sorted(installation.settings.destinations)
    reports, failures = {}, []
    with Deliveries(installation, systems, keys, correlation_id=uuid4().hex) as running:
        for name in systems:
            for key in keys:
                try:
                    reports[f"{name} {key.entity} {key.period}"] = report = running.wait_for(name, key).report
                    session.line(f"{name} {key.entity} {key.period}: {report}")
                except TieoutError as error:
                    failures.append(f"{name} {key.entity} {key.period}: {error}")
    session.result(reports)
    if failures:
        raise PushFailedError("; ".join(failures))


def close_keys(settings: Settings, period: str, entity: str | None) -> list[CloseKey]:
    """Raises ``ConfigurationError`` for a period or an entity that the installation does not have."""
    from dagster_project.close.partitions import CloseKey, first_day

    if first_day(period) < first_day(settings.first_period):
        raise ConfigurationError(f"period {period} is before the first period {settings.first_period} of this installation")
    if entity and entity not in settings.entities:
        raise ConfigurationError(f"no legal entity {entity!r}; there are {', '.join(settings.entities)}")
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
    from dagster_project.progress import listening

    installation = session.installation
    position = max(landed_files(installation).values(), default=0)
    with listening(session.progress):
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
    from dagster_project.progress import listening

    with listening(session.progress):
        return runner.close(keys, only)


def refuse(run: JobRun) -> None:
    """Raises ``CloseFailedError`` for a run that failed."""
    if not run.succeeded:
        raise CloseFailedError("; ".join(run.failures) or f"run {run.run_id} failed")
