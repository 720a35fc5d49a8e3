"""``tieout periods``: where every accounting period stands, and what people do with one after its close."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from dagster_project.close.periods import PeriodState

COLUMNS = ("entity", "period", "status", "documents", "landing_position", "seal", "changed", "signed_off_by")
ENTITY = click.option("--entity", required=True, help="The legal entity.")


@click.group("periods", invoke_without_command=True)
@with_session
@click.pass_context
def periods_command(context: click.Context, session: Session) -> None:
    """Show every period that was closed, and the first open one of each legal entity: status, cutoff, seal, who and when.

    'tieout close' soft closes a period once it ties; the commands below are what follows. 'tieout checklist' says what a period waits for.
    """
    from dagster_project.close.periods import period_states

    if context.invoked_subcommand is not None:
        return
    states = period_states(session.installation)
    rows = [_row(state) for state in states]
    session.table("Periods", [row | {"changed": _changed(state)} for row, state in zip(rows, states, strict=True)], COLUMNS)
    session.result(rows)


@periods_command.command("verify")
@click.option("--entity", help="One legal entity (default: all).")
@with_session
def verify_command(session: Session, entity: str | None) -> int:
    """Recompute the seals of closed periods (J12) and the audit chain, and name what changed underneath; the exit code is 1 if anything did."""
    from dagster_project.close.periods import broken_seals

    installation = session.installation
    found = [asdict(one) for one in broken_seals(installation, entity)]
    with closing(installation.open_register()) as register:
        chain = register.verify_chain()
    if found:
        session.table("Closed periods that are not what they were closed with", found, ["entity", "period", "what", "sealed", "now"])
    else:
        session.line("Every closed period is what it was closed with")
    session.line("The audit chain is intact" if chain.intact else f"The audit chain is broken at position {chain.first_broken}: {chain.reason}")
    session.result({"breaks": found, "chain": asdict(chain)})
    return 1 if found or not chain.intact else 0


@periods_command.command("sign-off")
@click.argument("period")
@ENTITY
@click.option("--reason", help="What you say of it; whoever approves it reads this (default: the figures of its seal).")
@with_session
def sign_off_command(session: Session, period: str, entity: str, reason: str | None) -> None:
    """Ask for the sign-off of the soft closed PERIOD as it is sealed now. Another user approves it, and a hard close rests on that; if anything is
    sealed or reopened since, it is asked for anew."""
    from dagster_project.cli.closing.close import close_keys
    from dagster_project.close.periods import ask_to_sign_off

    installation = session.installation
    [key] = close_keys(installation.settings, period, entity)
    request = ask_to_sign_off(installation, key.entity, key.period, reason)
    session.line(f"The sign-off of {period} of {entity} is {request.status}: request {request.request_id}, {request.reason}")
    if request.status == "open":
        session.line(f"Another user decides it: tieout approve {request.request_id}")
    else:
        session.line(f"Next: tieout periods hard-close {period} --entity {entity}")
    session.result({"request_id": request.request_id, "status": request.status, "entity": entity, "period": period, "reason": request.reason})


@periods_command.command("hard-close")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@with_session
def hard_close_command(session: Session, period: str, entity: str | None) -> None:
    """Close PERIOD (YYYY-MM) for ever: it must be soft closed, as it was sealed, and signed off so, with every document of it verified or
    cancelled and no decision open."""
    from dagster_project.cli.closing.close import close_keys
    from dagster_project.close.periods import hard_close
    from dagster_project.close.steps import publish

    installation = session.installation
    done = []
    for key in close_keys(installation.settings, period, entity):
        newly = hard_close(installation, key.entity, key.period)
        session.line(f"{key.period} of {key.entity} {'is hard closed' if newly else 'was hard closed already'}")
        done.append({"entity": key.entity, "period": key.period, "newly_closed": newly})
    publish(installation)
    session.result(done)


@periods_command.command("reopen")
@click.argument("period")
@ENTITY
@click.option("--reason", required=True, help="Why; whoever approves it reads this.")
@with_session
def reopen_command(session: Session, period: str, entity: str, reason: str) -> None:
    """Ask for the soft closed PERIOD to be opened again. It is opened by the approval of another user, if it still is what was closed."""
    from dagster_project.cli.closing.close import close_keys
    from dagster_project.close.periods import ask_to_reopen

    installation = session.installation
    [key] = close_keys(installation.settings, period, entity)
    request = ask_to_reopen(installation, key.entity, key.period, reason)
    session.line(f"Reopening {period} of {entity} is {request.status}: request {request.request_id}")
    if request.status == "open":
        session.line(f"Another user decides it: tieout approve {request.request_id}")
    session.result({"request_id": request.request_id, "status": request.status, "entity": entity, "period": period, "reason": reason})


def _row(state: PeriodState) -> dict[str, str | int | None]:
    return asdict(state) | {"changed_at": state.changed_at.isoformat(timespec="seconds") if state.changed_at else None}


def _changed(state: PeriodState) -> str | None:
    return f"{state.changed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {state.changed_by}" if state.changed_at else None
