"""``tieout credit``, ``void``, ``adjust``, ``write-off``, ``approve``, ``reject`` and ``approvals``: what one person asks for and another decides."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session
from dagster_project.quantities import exponents, quantity

if TYPE_CHECKING:
    from reverse_etl.register import ApprovalRequest

COLUMNS = ("request_id", "kind", "status", "subject", "line_key", "amount", "reason", "requested_by", "decided_by")
DISPOSITION = click.option(
    "--disposition",
    type=click.Choice(["offset", "credit", "refund"]),
    default="offset",
    show_default=True,
    help="offset: off what the invoice has due. credit: to the customer's balance, where the invoice is paid. refund: back to whoever paid it.",
)
REASON = click.option("--reason", required=True, help="Why; whoever approves it reads this.")


class Amount(click.ParamType[Decimal]):
    name = "amount"

    def convert(self, value: str | Decimal, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is no amount, such as 12.34", param, ctx)
        if not amount.is_finite():
            self.fail(f"{value!r} is no amount, such as 12.34", param, ctx)
        return amount


@click.command("credit")
@click.argument("invoice")
@click.option("--amount", type=Amount(), required=True, help="Net amount in the invoice's currency; its tax comes on top.")
@click.option("--line", "line_key", help="Key of one line of the invoice (default: spread over all by what is left of each).")
@click.option("--before-discount", is_flag=True, help="The amount is before the discount of the line, which is clawed back in its proportion.")
@DISPOSITION
@REASON
@with_session
def credit_command(
    session: Session, invoice: str, amount: Decimal, line_key: str | None, before_discount: bool, disposition: str, reason: str
) -> None:
    """Ask for a goodwill credit on INVOICE (its number). Once another user approves it, the next close issues its credit memo."""
    from dagster_project.close.approvals import ask_for_credit

    _told(session, ask_for_credit(session.installation, invoice, amount, reason, line_key, disposition, before_discount))


@click.command("void")
@click.argument("invoice")
@click.option("--rebill/--no-rebill", "rebill", default=None, help="Whether the close after the reversal bills the lines again.")
@DISPOSITION
@REASON
@with_session
def void_command(session: Session, invoice: str, rebill: bool | None, disposition: str, reason: str) -> None:
    """Ask for the reversal of all that is left of INVOICE (its number). Nothing issued changes: the reversal is a credit memo."""
    from dagster_project.close.approvals import ask_for_void

    if rebill is None:
        raise click.UsageError("Missing option '--rebill' or '--no-rebill': say whether the lines are billed again.", click.get_current_context())
    _told(session, ask_for_void(session.installation, invoice, rebill, reason, disposition))


@click.command("adjust")
@click.argument("customer")
@click.option("--product", required=True, help="Product of the charge file that it is booked and taxed as.")
@click.option("--period", required=True, help="Month of service, YYYY-MM.")
@click.option("--amount", type=Amount(), required=True, help="Net amount above zero; its tax comes on top. What reduces is a credit.")
@click.option("--currency", help="Currency of the amount (default: the customer's).")
@click.option("--entity", help="Legal entity that bills it (default: the customer's).")
@REASON
@with_session
def adjust_command(
    session: Session, customer: str, product: str, period: str, amount: Decimal, currency: str | None, entity: str | None, reason: str
) -> None:
    """Ask to bill CUSTOMER (its id) an amount beside what is rated. Once another user approves it, the next close issues its invoice."""
    from dagster_project.close.approvals import ask_for_adjustment

    _told(session, ask_for_adjustment(session.installation, customer, product, period, amount, reason, currency, entity))


@click.command("write-off")
@click.argument("invoice")
@click.option("--amount", type=Amount(), help="Amount with tax (default: all that is open).")
@REASON
@with_session
def write_off_command(session: Session, invoice: str, amount: Decimal | None, reason: str) -> None:
    """Ask to write INVOICE (its number) off as a bad debt. Once another user approves it, the next close journals it; nothing issued changes."""
    from dagster_project.close.approvals import ask_for_write_off

    _told(session, ask_for_write_off(session.installation, invoice, reason, amount))


@click.command("approve")
@click.argument("identifier")
@with_session
def approve_command(session: Session, identifier: str) -> None:
    """Approve IDENTIFIER as it is now: a request, what the one open request about it is of, or the plan that a run gate stopped. If it is computed
    anew, it is asked for anew."""
    from dagster_project.close.approvals import approve
    from dagster_project.close.ledgers import reopen_in_ledger
    from reverse_etl.register.records.approvals import PERIOD_REOPEN

    installation = session.installation
    request = approve(installation, identifier)
    if request.kind == PERIOD_REOPEN:
        note = reopen_in_ledger(installation, request.entity, request.subject.removeprefix(f"{request.entity}/"))
        if note is not None:
            session.line(note)
    _told(session, request)


@click.command("reject")
@click.argument("identifier")
@REASON
@with_session
def reject_command(session: Session, identifier: str, reason: str) -> None:
    """Reject IDENTIFIER (a request or a plan), or withdraw your own, while nothing of it is issued."""
    from dagster_project.close.approvals import reject

    _told(session, reject(session.installation, identifier, reason))


@click.command("approvals")
@click.option("--all", "everything", is_flag=True, help="Also what is decided, or was computed anew since.")
@with_session
def approvals_command(session: Session, everything: bool) -> None:
    """List what waits for a decision: who asked for what, why, and how it is approved."""
    from reverse_etl.register.approvals import superseded

    with closing(session.installation.open_register()) as register:
        requests = register.approval_requests()
    old = superseded(requests)
    shown = [request for request in requests if everything or (request.status == "open" and request.request_id not in old)]
    rows = [_row(request) | ({"status": "superseded"} if request.request_id in old else {}) for request in shown]
    if rows:
        # Columns in which no request says anything only take width.
        told = [column for column in COLUMNS if any(row[column] is not None for row in rows)]
        session.table(f"{len(rows)} request{'' if len(rows) == 1 else 's'}; decide with tieout approve or tieout reject", rows, told)
    else:
        session.line("Nothing waits for a decision")
    session.result(rows)


def _told(session: Session, request: ApprovalRequest) -> None:
    from reverse_etl.register.records.approvals import PERIOD_SIGN_OFF, POSTING_KINDS

    session.line(f"{request.kind} of {request.subject} is {request.status}: request {request.request_id}")
    if request.status == "open":
        session.line(f"Another user decides it: tieout approve {request.request_id}")
    elif request.status == "approved" and request.kind == PERIOD_SIGN_OFF:
        entity, _, period = request.subject.rpartition("/")
        session.line(f"Next: tieout periods hard-close {period} --entity {entity}")
    elif request.status == "approved" and request.kind in POSTING_KINDS:
        session.line("The next push of the period of the document carries it out: tieout push PERIOD")
    session.result(_row(request))


def _row(request: ApprovalRequest) -> dict[str, str | int | None]:
    amount = None if request.amount_minor is None else f"{quantity(str(request.amount_minor), request.currency or '', exponents())} {request.basis}"
    return {
        "request_id": request.request_id,
        "kind": request.kind,
        "status": request.status,
        "entity": request.entity,
        "subject": request.subject,
        "line_key": request.line_key,
        "amount": amount,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "disposition": request.disposition,
        "rebill": request.rebill,
        "reason": request.reason,
        "content_hash": request.content_hash,
        "requested_by": request.requested_by,
        "decided_by": request.verdict.decided_by if request.verdict else None,
        "four_eyes": request.verdict.four_eyes if request.verdict else None,
    }
