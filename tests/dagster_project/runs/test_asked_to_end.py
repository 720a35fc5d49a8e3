"""A signal asks a process to end: nothing of it is at work any more when it has ended, and it says that it was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb

from dagster_project.cli.installing.installation import initialize
from dagster_project.dbt import DbtPaths
from dagster_project.runs.instance import open_instance
from dagster_project.runs.under_way import runs_under_way
from reverse_etl.sandbox.processes import free_port
from reverse_etl.settings import HOME_VARIABLE, Settings, load_settings

LONGEST_SECONDS = 600
RUNS_TIEOUT = "from dagster_project.cli import main; main()"
# Which is what a shell does to what it starts in the background; Dagster takes an end for an interrupt, and so would hear neither.
DEAF = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {RUNS_TIEOUT}"
# It kills what is left after eight; the rest is what starting to measure and ending take on a busy machine.
DEV_ENDS_WITHIN_SECONDS = 60.0


def reach(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + LONGEST_SECONDS
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_a_close_that_is_interrupted_while_it_builds_says_so_and_holds_nothing(tmp_path: Path) -> None:
    initialize(Settings(home=tmp_path))
    settings = load_settings(tmp_path)
    log = DbtPaths.of(settings).logs / "dbt.log"
    command = [sys.executable, "-c", RUNS_TIEOUT, "close", "2026-01", "--no-land"]
    with subprocess.Popen(
        command, env={**os.environ, HOME_VARIABLE: str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as close:
        reach(lambda: close.poll() is not None or (log.is_file() and "OK created" in log.read_text()))
        close.send_signal(signal.SIGINT)
        _, told = close.communicate(timeout=LONGEST_SECONDS)
    assert (close.returncode, told.strip()) == (130, "Error: interrupted")
    assert "Resource In Use" not in log.read_text()
    with open_instance(settings) as instance:
        assert list(runs_under_way(instance, settings)) == []
        [run] = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.FAILURE
    duckdb.connect(str(settings.warehouse_path)).close()


def test_dagsters_interface_in_the_background_ends_soon_and_leaves_no_process(tmp_path: Path) -> None:
    port = free_port()
    environment = {**os.environ, HOME_VARIABLE: str(tmp_path)}
    command = [sys.executable, "-c", DEAF, "dev", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as dev:
        try:
            reach(lambda: dev.poll() is not None or answers(port))
            [group] = {group for _, parent, group in processes() if parent == dev.pid}
            assert len([pid for pid, _, of_group in processes() if of_group == group]) > 3, "the web server, the daemon and the code server are there"
        finally:
            dev.terminate()
            asked = time.monotonic()
            dev.wait(LONGEST_SECONDS)
    assert dev.returncode == 0
    assert time.monotonic() - asked < DEV_ENDS_WITHIN_SECONDS
    assert [pid for pid, _, of_group in processes() if of_group == group] == []


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=30.0):
            return True
    except (urllib.error.URLError, OSError):
        return False


def processes() -> list[tuple[int, int, int]]:
    """The id, parent and group of everything that runs."""
    told = subprocess.run(["ps", "-e", "-o", "stat=,pid=,ppid=,pgid="], capture_output=True, text=True, check=True).stdout
    return [(int(pid), int(parent), int(group)) for state, pid, parent, group in map(str.split, told.splitlines()) if not state.startswith("Z")]
