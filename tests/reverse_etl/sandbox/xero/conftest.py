"""A real stand-in per module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xero_stand_in import Xero


@pytest.fixture(scope="module")
def xero(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Xero]:
    running = Xero(tmp_path_factory.mktemp("xero"), "--calls-per-minute", "100000", "--calls-per-day", "1000000").start()
    yield running
    running.stop()


@pytest.fixture
def start_xero(tmp_path: Path) -> Iterator[Callable[..., Xero]]:
    started: list[Xero] = []

    def start(*options: str, credentials: dict[str, str] | None = None) -> Xero:
        started.append(Xero(tmp_path, *options, credentials=credentials))
        return started[-1].start()

    yield start
    for running in started:
        running.stop()
