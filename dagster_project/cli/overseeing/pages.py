"""``tieout close-report``: what a close came to, as one page to show to others."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import click

from dagster_project.cli.session import Session, with_session

PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@click.command("close-report")
@click.argument("period")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it (default: pages/close-PERIOD.html of the home folder)."
)
@with_session
def close_report_command(session: Session, period: str, out: Path | None) -> None:
    """Write the report of PERIOD (YYYY-MM) over all legal entities, as one HTML file: the way from usage to the ERP, roll-forwards, exceptions,
    controls and the checklist.

    It reads the register and the published warehouse and waits for no writer. A close writes it by itself, whether it ties or not.
    """
    from dagster_project.pages.rendering import verdict_of
    from dagster_project.pages.writing import write_close_report

    if not PERIOD.fullmatch(period):
        raise click.BadParameter(f"{period} is no period; give it as YYYY-MM", param_hint="PERIOD")
    path, report = write_close_report(session.installation, period, path=out)
    verdict = verdict_of(report)
    session.line(f"{period}: {verdict.headline}. {verdict.detail}")
    session.line(f"Written to {path}")
    session.result({"path": str(path), "period": period, "outcome": report.outcome.value, "verdict": asdict(verdict), "breaks": report.break_count})
