"""``tieout audit``: recompute what the register says of itself, and record where it stands."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from dagster_project.cli.session import Session, with_session
from dagster_project.quantities import counted


@click.group("audit")
def audit_command() -> None:
    """Verify the register, and anchor where it stands."""


@audit_command.command("verify")
@click.option(
    "--anchor", "anchor", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A copy of the anchors that was kept elsewhere."
)
@with_session
def verify_command(session: Session, anchor: Path | None) -> int:
    """Recompute the whole chain, the deliveries, the numbers and the seals of closed periods, and compare with every anchor.

    The exit code is 1 if anything does not hold; the first position that does not is named.
    """
    from dagster_project.oversight.auditing import audit_register

    report, weaknesses = audit_register(session.installation, anchor)
    for finding in report.findings:
        session.line(f"Does not hold: {finding}")
    for note in (*report.notes, *weaknesses):
        session.line(f"Note: {note}")
    if report.intact:
        held, against = counted(report.positions, "position"), counted(report.anchors, "anchor")
        session.line(f"The register holds: {held} up to hash {report.head_hash[:16]}, against {against}")
    session.result(asdict(report) | {"intact": report.intact, "weaknesses": list(weaknesses)})
    return 0 if report.intact else 1


@audit_command.command("anchor")
@with_session
def anchor_command(session: Session) -> None:
    """Append where the register stands to the anchors and print that line: keep it where nobody who can write the register can reach it."""
    from dagster_project.oversight.auditing import write_anchor

    anchor = write_anchor(session.installation)
    session.line(anchor.line())
    session.result(asdict(anchor))
