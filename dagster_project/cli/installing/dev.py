"""``tieout dev``: Dagster's UI on this installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from dagster_project.cli.installing.installation import initialize
from dagster_project.cli.session import Session, with_session


@click.command("dev")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the UI on 127.0.0.1.")
@with_session
def dev_command(session: Session, port: int) -> None:
    """Run Dagster's UI and daemon on this installation, with the counterparties running, until interrupted."""
    from dagster_project.runs.runner import RunInProgressError, exclusive
    from reverse_etl.sandbox.supervisor import start_sandbox

    settings = session.settings
    initialize(settings)
    if any(settings.inbox.iterdir()):
        for name, endpoint in start_sandbox(settings).items():
            session.line(f"{name}: {endpoint.url}")
    else:
        session.line("The inbox is empty: run 'make demo', or 'tieout sample' and 'tieout sandbox start'")
    try:
        # A command that was killed has left its run under way; those in the queue would wait for it.
        with exclusive(settings, "tieout dev"):
            pass
    except RunInProgressError as running:
        session.line(str(running))
    session.line(f"Dagster: http://127.0.0.1:{port}")
    dagster = Path(sys.executable).with_name("dagster")
    os.environ["DAGSTER_HOME"] = str(settings.home / "dagster")
    # Dagster has another command beside this one, which nobody who started 'tieout dev' needs to know.
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), "ignore:Function `dev_command` is superseded")))
    # This process becomes Dagster's, so that an interrupt reaches it.
    workspace = settings.home / "dagster" / "workspace.yaml"
    os.execv(dagster, [str(dagster), "dev", "--workspace", str(workspace), "--host", "127.0.0.1", "--port", str(port)])
