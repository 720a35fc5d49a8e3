"""``tieout destinations``: what is set up to be posted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from reverse_etl.settings import Settings


@click.group("destinations")
def destinations_command() -> None:
    """Show the destinations of this installation, and check how one is set up."""


@destinations_command.command("check")
@click.argument("name")
@click.option("--ask", is_flag=True, help="Also ask the destination whether it takes our authorization (posts nothing).")
@click.option("--sample", is_flag=True, help="Also show what a small customer and journal entry would be sent as (sends nothing).")
@click.option("--debit", "debit_account", default="1100", show_default=True, help="Our account that the sample debits.")
@click.option("--credit", "credit_account", default="4000", show_default=True, help="Our account that the sample credits.")
@with_session
def check(session: Session, name: str, ask: bool, sample: bool, debit_account: str, credit_account: str) -> None:
    """Check settings, secrets and description of the destination NAME, and say what becomes of a lost answer there."""
    from reverse_etl.systems import check as check_destination
    from reverse_etl.systems import open_system

    settings = session.settings
    lines = list(check_destination(settings, name))
    samples = sample_requests(settings, name, debit_account, credit_account) if sample else {}
    lines += [f"{document_type} would be sent as {request}" for document_type, request in samples.items()]
    if ask:
        open_system(settings, name).ping()
        lines.append(f"{name} answers, and takes our authorization")
    for line in lines:
        session.line(line)
    session.result({"destination": name, "found": lines, "samples": samples})


def sample_requests(settings: Settings, name: str, debit_account: str, credit_account: str) -> dict[str, str]:
    """The stored request of the first call of a small document, by document type. Raises OutboxContractError: it cannot be rendered."""
    from datetime import date

    from reverse_etl.conformance import Specimens
    from reverse_etl.conformance.specimens import CUSTOMER, JOURNAL_ENTRY
    from reverse_etl.systems import open_system
    from reverse_etl.systems.contract import RenderContext

    system = open_system(settings, name)
    entity = next(iter(settings.destination(name).entities), settings.entities[0])
    day = date.fromisoformat(f"{settings.first_period}-28")
    specimens = Specimens(name, entity, "sample", day, debit_account=debit_account, credit_account=credit_account)
    samples = {}
    for document_type in (CUSTOMER, JOURNAL_ENTRY):
        if document_type in system.manifest.document_types:
            document = specimens.of(document_type, "1")
            samples[document_type] = system.render(RenderContext(document, {}, {}), system.call_names(document)[0]).decode()
    return samples
