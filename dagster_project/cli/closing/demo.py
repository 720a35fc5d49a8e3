"""``tieout demo``: three months of the sample company, from usage files to a real ledger, through the Dagster job."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING

import click

from dagster_project.cli.closing.close import close, close_keys, delivered_days, land
from dagster_project.cli.installing.installation import initialize, tell_sample
from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import TieoutError

if TYPE_CHECKING:
    from reverse_etl.sandbox.sample import SampleSummary
    from reverse_etl.sandbox.supervisor import Endpoint
    from reverse_etl.settings import Settings

PERIODS = ("2026-01", "2026-02", "2026-03")
_FOREIGN_INVOICES = """
    select balances.entity, balances.number, balances.currency, currencies.exponent, balances.remaining_minor as due_minor
    from canonical.invoice_balances as balances
    inner join staging.stg_crm__legal_entities as entities using (entity)
    inner join constants.currencies as currencies using (currency)
    where balances.currency <> entities.functional_currency and balances.remaining_minor > 1
"""


class NotTiedOutError(TieoutError):
    """The demo ended with something that does not tie."""


@click.command("demo")
@click.option("--events", type=click.IntRange(min=1), default=200_000, show_default=True, help="How many usage events, if none are delivered yet.")
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of the sample, if none is delivered yet.")
@click.option("--customers", type=click.IntRange(min=1), default=200, show_default=True, help="How many customers, if no sample is delivered yet.")
@click.option("--keep/--stop", "keep", default=False, help="Keep the counterparties running at the end.")
@with_session
def demo_command(session: Session, events: int, seed: int, customers: int, keep: bool) -> None:
    """Close three consecutive months through the Dagster job and tie them out. Running it again changes nothing."""
    from dagster_project.cli.closing.evidence import Counterparties, Evidence
    from dagster_project.cli.closing.tie_out import document_count
    from dagster_project.close import Installation
    from reverse_etl.sandbox.sample import generate
    from reverse_etl.sandbox.supervisor import sandbox_status, start_sandbox, stop_sandbox

    settings = session.settings
    initialize(settings)
    installation = Installation(settings)
    found_running = [name for name, endpoint in sandbox_status(settings).items() if endpoint]
    before = document_count(installation)
    # One process beside this one, which loads Dagster, parses the models and lands: the ledger's companies and accounts come from the sample.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        sample = (
            beside.submit(generate, settings.home, events=events, seed=seed, customer_count=customers) if not any(settings.inbox.iterdir()) else None
        )
        counterparties = beside.submit(start_sandbox, settings)
        try:
            _close_months(session, sample, counterparties)
            asked = Counterparties.asked(installation, PERIODS)
        finally:
            wait([counterparties])
            if not keep:
                stop_sandbox(settings, tuple(name for name in ("stripe", "tryton") if name not in found_running))
    evidence = Evidence.gathered(installation, PERIODS, asked)
    documents = document_count(installation)
    if session.tells_people:
        evidence.show()
    session.result({**evidence.as_record(), "documents": documents, "new_documents": documents - before})
    if documents == before:
        session.line("Nothing changed: every document was sealed, posted and verified before.")
    for line in evidence.told():
        session.line(line)
    counts = f"{evidence.tied_count} of {evidence.expected_count} checkpoints; {documents} documents, {documents - before} new"
    differences = evidence.differences()
    if differences or evidence.tied_count != evidence.expected_count:
        raise NotTiedOutError("; ".join([*differences, f"Not tied out: {counts}"]))
    session.line(f"Tied out: {counts}")


def _close_months(session: Session, sample: Future[SampleSummary] | None, counterparties: Future[Mapping[str, Endpoint]]) -> None:
    from dagster_project.close.partitions import first_day_after
    from dagster_project.runs.runner import JobRunner, exclusive

    settings = session.settings
    with exclusive(settings, "tieout demo"):
        runner = JobRunner(settings)
        if sample is None:
            session.line(f"Deliveries are there already: {settings.inbox}")
        else:
            tell_sample(session, sample.result())
        first = delivered_days(settings)[0]
        for period in PERIODS:
            last = first_day_after(period)
            land(session, runner, first, last)
            first = last + timedelta(days=1)
            if period == PERIODS[0]:
                for name, endpoint in counterparties.result().items():
                    session.line(f"Counterparty {name}: {endpoint.url}")
            run = close(session, runner, close_keys(settings, period, None))
            if not run.succeeded:
                raise NotTiedOutError(f"the close of {period} failed: {'; '.join(run.failures) or run.run_id}")
            if period == PERIODS[0]:
                _pay_foreign_invoices(settings)


def _pay_foreign_invoices(settings: Settings) -> None:
    """What is paid of January is told by the bank in February, so that the books show what the rates did meanwhile."""
    from dagster_project.close import Installation
    from reverse_etl.sandbox.sample import OpenInvoice, deliver_payments

    due = Installation(settings).warehouse.read(_FOREIGN_INVOICES).to_pylist()
    deliver_payments(settings.inbox, [OpenInvoice(**row) for row in due])
