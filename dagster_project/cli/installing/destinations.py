"""``tieout destinations``: what is set up to be posted to."""

from __future__ import annotations

import click

from dagster_project.cli.session import Session, with_session


@click.group("destinations")
def destinations_command() -> None:
    """Show the destinations of this installation, and check how one is set up."""


@destinations_command.command("check")
@click.argument("name")
@click.option("--ask", is_flag=True, help="Also ask the destination whether it takes our authorization (posts nothing).")
@with_session
def check(session: Session, name: str, ask: bool) -> None:
    """Check settings, secrets and description of the destination NAME, and say what becomes of a lost answer there."""
    from reverse_etl.systems import check as check_destination
    from reverse_etl.systems import open_system

    lines = list(check_destination(session.settings, name))
    if ask:
        open_system(session.settings, name).ping()
        lines.append(f"{name} answers, and takes our authorization")
    for line in lines:
        session.line(line)
    session.result({"destination": name, "found": lines})
