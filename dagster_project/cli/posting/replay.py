"""``tieout replay``: send or verify again from the register."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.installing.sandbox import tell_of_stopped
from dagster_project.cli.session import Session, with_session
from reverse_etl.correlation import current

if TYPE_CHECKING:
    from reverse_etl.oversight.replays import ReplayReport

TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command("replay")
@click.argument("documents", nargs=-1)
@click.option("--period", help="Of one period, YYYY-MM.")
@click.option("--entity", help="Of one legal entity.")
@click.option("--destination", "system", help="At one destination.")
@click.option("--since", type=TIME, help="Sealed at this time (UTC) or later.")
@with_session
def replay_command(
    session: Session, documents: tuple[str, ...], period: str | None, entity: str | None, system: str | None, since: datetime | None
) -> int:
    """Go once more through DOCUMENTS (numbers, references or business keys), or through those of a period, an entity, a destination or a time.

    What is not delivered is sent, under the keys that it has always had. What is delivered is looked up and compared again, and never sent again:
    if it has vanished or differs, that is an exception, with what to do about it. The exit code is 1 where not everything is as it should be.
    """
    from dagster_project.oversight.pushes import destinations_of
    from reverse_etl.oversight.finding import document_named
    from reverse_etl.oversight.replays import chosen, replay

    if not (documents or period or entity or system or since):
        raise click.UsageError("Say what: documents, or --period, --entity, --destination or --since.", click.get_current_context())
    installation = session.installation
    reports: list[ReplayReport] = []
    with session.watching(), closing(installation.open_register()) as register:
        positions = [document_named(register, name)[0].position for name in documents] or None
        for name in destinations_of(installation, system):
            work = chosen(
                register, positions=positions, system=name, entity=entity, period=period, since=since.replace(tzinfo=UTC) if since else None
            )
            for owner in sorted({document.entity for document, _ in work}):
                report = replay(
                    register,
                    installation.open_system(name),
                    owner,
                    [entry for entry in work if entry[0].entity == owner],
                    settings_or_lock_folder=installation.settings,
                    actor=installation.actor,
                    correlation_id=current().correlation_id,
                )
                reports.append(report)
                _tell(session, report)
    unreadable = {report.system for report in reports if report.unreadable or (report.pushed is not None and not report.clean)}
    if unreadable:
        tell_of_stopped(session, unreadable)
    if not reports:
        session.line("Nothing of that is sealed")
    session.result([_row(report) for report in reports])
    return 0 if all(report.clean for report in reports) else 1


def _tell(session: Session, report: ReplayReport) -> None:
    lane = f"{report.system} {report.entity}"
    if report.pushed is not None:
        session.line(f"{lane}: {report.pushed}")
    counts = f"{len(report.verified)} verified again, {len(report.missing)} missing, {len(report.different)} different"
    session.line(f"{lane}: {counts}" + (f", {report.unverifiable} of a type that cannot be looked up" if report.unverifiable else ""))
    if report.unreadable:
        session.line(f"{lane}: not everything could be looked up: {report.unreadable}")
    for document in (*report.missing, *report.different):
        session.line(f"  {document.number or document.business_key}: tieout exceptions show {document.reference} --look")
    for document, delivery in report.stopped:
        session.line(f"  {document.number or document.business_key} is {delivery.state}: tieout exceptions show {document.reference}")


def _row(report: ReplayReport) -> dict[str, Any]:
    named = {name: [document.reference for document in getattr(report, name)] for name in ("verified", "missing", "different")}
    return {
        "system": report.system,
        "entity": report.entity,
        "pushed": None if report.pushed is None else asdict(report.pushed),
        **named,
        "unverifiable": report.unverifiable,
        "stopped": [{"reference": document.reference, "state": delivery.state.value} for document, delivery in report.stopped],
        "unreadable": report.unreadable,
    }
