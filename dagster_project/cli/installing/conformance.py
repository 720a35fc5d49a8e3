"""``tieout conformance``: does a destination keep what its manifest claims?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from reverse_etl.conformance import Finding
    from reverse_etl.settings import Settings
    from reverse_etl.systems.contract import System

DAY = click.DateTime(["%Y-%m-%d"])
SHORT_DEADLINE_SECONDS = 0.05


@click.command("conformance")
@click.argument("destination")
@click.option("--entity", help="The legal entity to post for (default: the first one).")
@click.option("--debit", metavar="ACCOUNT", help="An account of the sandbox that needs no party, for journal entries.")
@click.option("--credit", metavar="ACCOUNT", help="Another one.")
@click.option("--currency", default="USD", show_default=True, help="The functional currency of the entity.")
@click.option("--exponent", type=click.IntRange(0, 4), default=2, show_default=True, help="Its decimals.")
@click.option("--date", "posting_date", type=DAY, help="A day in an open period (default: today).")
@click.option("--closed-date", type=DAY, help="A day in a period that is closed there.")
@click.option("--patience", type=click.FloatRange(min=1), default=30.0, show_default=True, help="The longest wait of one probe, in seconds.")
@click.option("--sandbox", "is_sandbox", is_flag=True, help="Say that the destination is a sandbox: the documents that are posted stay there.")
@with_session
def conformance_command(
    session: Session,
    destination: str,
    entity: str | None,
    debit: str | None,
    credit: str | None,
    currency: str,
    exponent: int,
    posting_date: datetime | None,
    closed_date: datetime | None,
    patience: float,
    is_sandbox: bool,
) -> int:
    """Probe what DESTINATION claims in its manifest, and report claim against fact.

    Posts some 20 small documents that stay there: only ever for a sandbox. What is disproved counts as absent from then on, until it is probed
    again; the exit code is then 1.
    """
    from reverse_etl.conformance import Specimens, conformance, record
    from reverse_etl.systems import open_system

    settings = session.installation.settings
    url = settings.destination(destination).url
    _require_sandbox(url, destination, is_sandbox)
    specimens = Specimens(
        system=destination,
        entity=entity or settings.entities[0],
        run=uuid4().hex[:8],
        posting_date=posting_date.date() if posting_date else date.today(),
        currency=currency,
        currency_exponent=exponent,
        debit_account=debit,
        credit_account=credit,
        closed_date=closed_date.date() if closed_date else None,
    )

    def told(finding: Finding) -> None:
        session.line(f"{finding.verdict.value:8}  {finding.document_type} {finding.probe}: {finding.claim}: {finding.fact}")

    report = conformance(
        open_system(settings, destination, as_claimed=True),
        specimens,
        kind=settings.kind(destination),
        url=url,
        impatient=_impatient(settings, destination),
        patience=patience,
        told=told,
    )
    path = record(settings, report)
    session.result(asdict(report))
    session.line(f"{len(report.findings)} findings, {len(report.broken)} claims disproved; {path}")
    if report.broken:
        session.line(f"What was disproved counts as absent for {destination} until it is probed again")
    return 1 if report.broken else 0


def _require_sandbox(url: str, destination: str, is_sandbox: bool) -> None:
    """Raises ``ConfigurationError`` where the documents might stay in real books."""
    from reverse_etl.settings import SANDBOX_URL

    if url != SANDBOX_URL and not is_sandbox:
        raise ConfigurationError(
            f"destination {destination} is {url}: the kit leaves documents there; if it is a sandbox say so with --sandbox, else never run it"
        )


def _impatient(settings: Settings, destination: str) -> System:
    """The destination with a deadline that its answers do not meet."""
    from reverse_etl.systems import open_system

    hurried = settings.destination(destination).model_copy(update={"send_deadline_seconds": SHORT_DEADLINE_SECONDS})
    others = {**settings.destinations, destination: hurried}
    return open_system(settings.model_copy(update={"destinations": others}), destination, as_claimed=True)
