"""A real stand-in per module, with a customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_stand_in import US
from netsuite_stand_in import NetSuite


@pytest.fixture(scope="module")
def netsuite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetSuite]:
    running = NetSuite(tmp_path_factory.mktemp("netsuite"))
    running.start()
    assert running.put("C1", {"companyName": "Aurora Robotics", "subsidiary": {"externalId": US}}, "customer").status_code == 204
    yield running
    running.stop()


@pytest.fixture
def start_netsuite(tmp_path: Path) -> Iterator[Callable[..., NetSuite]]:
    started: list[NetSuite] = []

    def start(*options: str, credentials: dict[str, str] | None = None) -> NetSuite:
        started.append(NetSuite(tmp_path, *options, credentials=credentials))
        started[-1].start()
        return started[-1]

    yield start
    for running in started:
        running.stop()
