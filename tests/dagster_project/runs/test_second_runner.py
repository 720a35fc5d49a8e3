"""Whoever comes second: while Dagster runs a job, a command says so at once or waits for it, and a run that was killed stops nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.runs.instance import open_instance
from dagster_project.runs.under_way import runs_under_way
from reverse_etl.sandbox.sample import generate
from reverse_etl.settings import HOME_VARIABLE, Settings, load_settings

# A run as Dagster's launcher makes them, in a process of its own; it stands still in its step until it is told to end.
RUN = """
import sys, time
from pathlib import Path
import dagster as dg
from dagster_project.runs.instance import IN_TURN, open_instance
from reverse_etl.settings import load_settings

began, ends = map(Path, sys.argv[1:])
KEY = "northlight_us|2026-01"

@dg.asset(partitions_def=dg.StaticPartitionsDefinition([KEY]))
def delivering():
    began.touch()
    while not ends.exists():
        time.sleep(0.02)

job = dg.define_asset_job("monthly_close", tags={IN_TURN: "monthly_close"})
with open_instance(load_settings()) as instance:
    dg.Definitions(assets=[delivering], jobs=[job]).resolve_job_def("monthly_close").execute_in_process(instance=instance, partition_key=KEY)
"""
LONGEST_SECONDS = 600


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = Path(tmp_path_factory.mktemp("home"))
    initialize(Settings(home=home))
    (home / "tieout.yaml").write_text("entities: [northlight_us]\nalerts: {link: 'https://dagster.example.com'}\n")
    generate(home, events=1_000, seed=7, customer_count=20)
    return load_settings(home)


def environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, HOME_VARIABLE: str(settings.home)}


@contextmanager
def run_of_dagster(settings: Settings, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    began, ends = folder / "began", folder / "ends"
    command = [sys.executable, "-c", RUN, str(began), str(ends)]
    with subprocess.Popen(command, env=environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            reach(began.exists)
            yield process, ends
        finally:
            ends.touch()


def reach(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + LONGEST_SECONDS
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


def tieout(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from dagster_project.cli import main; main()", *arguments]
    return subprocess.Popen(command, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def under_way(settings: Settings) -> list[str]:
    with open_instance(settings) as instance:
        return [run.run_id for run in runs_under_way(instance, settings)]


def test_a_command_that_meets_a_run_says_which_since_when_and_what_to_do(settings: Settings, tmp_path: Path) -> None:
    with run_of_dagster(settings, tmp_path):
        [run_id] = under_way(settings)
        link = f"https://dagster.example.com/runs/{run_id}"
        for command in (["land"], ["close", "2026-01"], ["plan", "2026-01"]):
            second = tieout(settings, *command)
            _, told = second.communicate(timeout=LONGEST_SECONDS)
            assert second.returncode == 1
            assert told.startswith(f"Error: run {run_id} of monthly_close for northlight_us|2026-01 ({link}) is under way since ")
            assert "UTC; wait for it to end, then run again, or run with --wait" in told
            assert told.count("\n") == 1


def test_a_command_that_waits_says_for_what_and_goes_on_when_it_is_over(settings: Settings, tmp_path: Path) -> None:
    with run_of_dagster(settings, tmp_path) as (_, ends):
        [run_id] = under_way(settings)
        second = tieout(settings, "land", "--to", "2026-01-01", "--wait")
        assert second.stderr is not None
        assert second.stderr.readline().startswith(f"Waiting: run {run_id} of monthly_close")
        assert second.poll() is None
        # A third one meets the lock of the second.
        third = tieout(settings, "land")
        _, told = third.communicate(timeout=LONGEST_SECONDS)
        assert third.returncode == 1
        assert told.startswith(f"Error: tieout land (process {second.pid}) since ")
        ends.touch()
    _, told = second.communicate(timeout=LONGEST_SECONDS)
    assert (second.returncode, told) == (0, "")
    with open_instance(settings) as instance:
        first, after = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]), limit=2)[::-1]
    assert (first.dagster_run.run_id, after.dagster_run.job_name) == (run_id, "daily_usage")
    assert first.end_time is not None
    assert after.start_time is not None
    assert first.end_time <= after.start_time


def test_a_run_that_was_killed_is_ended_and_stops_nobody(settings: Settings, tmp_path: Path) -> None:
    with run_of_dagster(settings, tmp_path) as (process, _):
        [run_id] = under_way(settings)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert under_way(settings) == []
    second = tieout(settings, "land", "--to", "2026-01-01")
    _, told = second.communicate(timeout=LONGEST_SECONDS)
    assert (second.returncode, told) == (0, "")
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert not list((settings.lock_folder / "runs").iterdir())
