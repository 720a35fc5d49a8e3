"""A signal asks the process to end while dbt builds in it: dbt has come to its end before anybody else hears of it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import pytest

from dagster_project.dbt import DbtPaths
from dagster_project.dbt.project import invoke
from reverse_etl.settings import Settings


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
