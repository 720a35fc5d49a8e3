"""A signal asks a process to end: nothing of it is at work any more when it has ended, and it says that it was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.dbt import DbtPaths
from dagster_project.dbt.project import invoke
from dagster_project.runs.instance import open_instance
from dagster_project.runs.under_way import runs_under_way
from reverse_etl.settings import HOME_VARIABLE, Settings, load_settings

LONGEST_SECONDS = 120


def reach(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + LONGEST_SECONDS
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


class AskedToEndError(BaseException):
    """What Dagster's own is like: no ``KeyboardInterrupt``."""


def raise_asked_to_end(_: int, __: FrameType | None) -> None:
    raise AskedToEndError


def test_a_build_has_ended_with_its_queries_and_threads_before_the_signal_is_what_it_was_meant_to_be(settings: Settings, shop: Path) -> None:
    (shop / "models" / "endless.sql").write_text("select sum(hash(range)) as hashed from range(10000000000000)")

    def ask_to_end(event: Any) -> None:
        if event.info.name == "LogStartLine":
            sender.start()

    sender = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM))
    paths, threads = DbtPaths.of(settings, shop), set(threading.enumerate())
    handlers = {number: signal.signal(number, raise_asked_to_end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(AskedToEndError):
            invoke(paths, ["build", "--select", "endless"], callbacks=[ask_to_end])
        assert signal.getsignal(signal.SIGTERM) is raise_asked_to_end
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert set(threading.enumerate()) - threads - {sender} == set()
    assert "Resource In Use" not in (paths.logs / "dbt.log").read_text()
    duckdb.connect(str(paths.warehouse)).close()


def test_a_close_that_is_interrupted_while_it_builds_says_so_and_holds_nothing(tmp_path: Path) -> None:
    initialize(Settings(home=tmp_path))
    settings = load_settings(tmp_path)
    log = DbtPaths.of(settings).logs / "dbt.log"
    command = [sys.executable, "-c", "from dagster_project.cli import main; main()", "close", "2026-01", "--no-land"]
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
