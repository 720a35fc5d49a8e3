"""``tieout sandbox``: the stand-in counterparties of this installation."""

from __future__ import annotations

from collections.abc import Collection

import click

from dagster_project.cli.session import Session, with_session


def tell_of_stopped(session: Session, names: Collection[str] | None = None) -> None:
    """Where destinations could not be asked, and are stand-ins that do not run: which command starts them."""
    from reverse_etl.sandbox.supervisor import stopped

    found = stopped(session.settings, names)
    if found:
        session.line(f"{' and '.join(found)}: the stand-in does not run; start it with 'tieout sandbox start', then run this again")


@click.group("sandbox")
def sandbox_command() -> None:
    """Start, stop or show the stand-in counterparties: a Stripe stand-in and a real Tryton server, both on 127.0.0.1."""


@sandbox_command.command("start")
@with_session
def start(session: Session) -> None:
    """Start what does not run yet, with the data it had. The ledger's accounts come from the inbox's reference files."""
    from reverse_etl.sandbox.supervisor import start_sandbox

    running = start_sandbox(session.settings)
    for name, endpoint in running.items():
        session.line(f"{name}: {endpoint.url} (process {endpoint.pid})")
    session.result(dict(running))


@sandbox_command.command("stop")
@with_session
def stop(session: Session) -> None:
    """Stop the stand-ins; their data stays."""
    from reverse_etl.sandbox.supervisor import stop_sandbox

    stopped = stop_sandbox(session.settings)
    session.line(f"Stopped: {', '.join(stopped) or 'nothing ran'}")
    session.result({"stopped": stopped})


@sandbox_command.command("status")
@with_session
def status(session: Session) -> None:
    """Show which stand-ins answer, and where."""
    from reverse_etl.sandbox.supervisor import sandbox_status

    found = sandbox_status(session.settings)
    for name, endpoint in found.items():
        session.line(f"{name}: {endpoint.url} (process {endpoint.pid})" if endpoint else f"{name}: not running")
    session.result(dict(found))
