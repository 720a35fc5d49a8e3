"""``tieout doctor``: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import did_you_mean

if TYPE_CHECKING:
    from dagster_project.doctor import Finding

COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command("doctor")
@click.argument("checks", nargs=-1, metavar="[CHECK]...")
@click.option("--thorough", is_flag=True, help="Also parse the models and recompute a long register.")
@click.option("--offline", is_flag=True, help="Ask no destination.")
@with_session
def doctor_command(session: Session, checks: tuple[str, ...], thorough: bool, offline: bool) -> int:
    """Examine the installation: machine, packages, settings, secrets, warehouse, register, dbt, Dagster, destinations, inbox, alerts.

    CHECK: only that part, such as register (default: all). Reads only, posts nothing, and waits for no writer. Each finding says what, where and
    what to do; the exit code is 1 where there is a problem.
    """
    from dagster_project.doctor import CHECKS, State, examine
    from dagster_project.quantities import counted

    for name in checks:
        if name not in CHECKS:
            raise click.UsageError(f"no check named {name!r}{did_you_mean(name, CHECKS)}; there are {', '.join(CHECKS)}", click.get_current_context())
    findings = []
    for finding in examine(session.home, thorough, not offline, checks):
        findings.append(finding)
        _tell(session, finding)
    counts = {state.value: sum(finding.state is state for finding in findings) for state in State}
    session.line(f"{counted(counts['problem'], 'problem')}, {counted(counts['warning'], 'warning')}, {counts['ok']} fine")
    session.result({"home": str(session.home.resolve()), "counts": counts, "findings": [asdict(finding) for finding in findings]})
    return 1 if counts["problem"] else 0


def _tell(session: Session, finding: Finding) -> None:
    state = click.style(f"{finding.state.value:8}", fg=None if os.environ.get("NO_COLOR") else COLORS[finding.state.value])
    session.line(f"{state} {finding.check}: {finding.what}{'' if finding.fix is None else f' [{finding.where}]'}")
    if finding.fix is not None:
        session.line(f"         fix: {finding.fix}")
