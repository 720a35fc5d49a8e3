"""``tieout dev``: Dagster's UI on this installation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click

from dagster_project.cli.installing.installation import initialize
from dagster_project.cli.session import Session, with_session

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_SECONDS = 8.0
POLL_SECONDS = 0.05


class _AskedToEndError(BaseException):
    """A signal asked this process to end."""


@click.command("dev")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the UI on 127.0.0.1.")
@with_session
def dev_command(session: Session, port: int) -> int:
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
    workspace = settings.home / "dagster" / "workspace.yaml"
    return _until_asked_to_end([str(dagster), "dev", "--workspace", str(workspace), "--host", "127.0.0.1", "--port", str(port)])


def _until_asked_to_end(command: Sequence[str]) -> int:
    """Run a command that starts processes of its own, all of which end with this one; 0 if it was asked to end, 1 if it ended by itself.

    Also where this process was started in the background: a shell has it ignore interrupts then, and Dagster takes an end for one.
    """

    def asked_to_end(_: int, __: FrameType | None) -> None:
        raise _AskedToEndError

    handlers = {number: signal.signal(number, asked_to_end) for number in ENDING}
    try:
        # A session of its own, so that the interrupt of a terminal comes once.
        process = subprocess.Popen(command, start_new_session=True)
        try:
            process.wait()
            return 1
        except _AskedToEndError:
            return 0
        finally:
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)
            _end_group(process.pid)
    except _AskedToEndError:
        return 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _end_group(group: int) -> None:
    """Interrupt all of it at once, as a terminal does: runs too, which go on where they stopped when they are run again; then kill what is left."""
    for number, patience in ((signal.SIGINT, PATIENCE_SECONDS), (signal.SIGKILL, 1.0)):
        deadline = time.monotonic() + patience
        try:
            os.killpg(group, number)
            while time.monotonic() < deadline:
                _reap()
                os.killpg(group, 0)
                time.sleep(POLL_SECONDS)
        except ProcessLookupError:
            return


def _reap() -> None:
    # Whoever ended is of the group until somebody asks for it; where this is a container's first process, that is for us.
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
