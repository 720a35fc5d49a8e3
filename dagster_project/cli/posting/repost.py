"""``tieout repost``: the correction of a misposting, which one user asks for and another approves."""

from __future__ import annotations

from contextlib import closing

import click

from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import ApprovalError


@click.command("repost")
@click.argument("document")
@click.option("--absent", is_flag=True, help="It has vanished at its destination: post it once more in its place, and reverse nothing.")
@click.option("--reason", required=True, help="Why; whoever approves it reads this.")
@with_session
def repost_command(session: Session, document: str, absent: bool, reason: str) -> None:
    """Ask for DOCUMENT (a reference or business key of a posted journal entry) to be reversed and posted once more, unchanged.

    Once another user approves it ('tieout approve'), its reversal - the same lines with the sides exchanged, in the first open period - and its
    repost are sealed together; the next push sends the reversal, then the repost. Amounts never change this way: what was billed changes by
    'tieout credit', 'void' or 'adjust'.
    """
    from reverse_etl.oversight.cases import look
    from reverse_etl.oversight.finding import document_named

    installation = session.installation
    with closing(installation.open_register()) as register:
        found, delivery = document_named(register, document)
        if absent:
            held = look(installation.open_system(found.system), found, delivery)
            if held.problem is not None:
                once = f"ask again once 'tieout destinations check {found.system} --ask' says that it answers"
                raise ApprovalError(f"whether {found.reference} is at {found.system} is not known: {held.problem}; {once}")
            if held.remote is not None:
                there = f"{found.reference} is at {found.system} as {held.remote.remote_id}: it has not vanished"
                raise ApprovalError(f"{there}; without --absent it is reversed and posted once more")
        request = register.ask_to_repost(found.business_key, reason, installation.actor, absent=absent)
    session.line(f"{request.kind} of {request.subject} is {request.status}: request {request.request_id}")
    if request.status == "open":
        session.line(f"Another user decides it: tieout approve {request.request_id}")
    session.result({"request_id": request.request_id, "kind": request.kind, "subject": request.subject, "status": request.status})
