"""An empty destination and an empty register for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from posting_books import HTTP, Destination, launch_destination
from posting_system import CLASS_B

from reverse_etl.register import Register
from reverse_etl.sandbox.processes import ServerProcess, stop
from reverse_etl.systems.contract import Manifest


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ServerProcess]]:
    url, process = launch_destination(tmp_path_factory.mktemp("destination"))
    yield url, process
    stop(process)


@pytest.fixture
def start(tmp_path: Path, register_url: str, shared: tuple[str, ServerProcess]) -> Iterator[Callable[..., Destination]]:
    """An empty destination that keeps what its manifest promises; ``alone``: in a process that the test may end.

    ``keys_kept``: for how many seconds it remembers keys, where that is not what is promised.
    """
    started: list[tuple[Destination, bool]] = []

    def start(manifest: Manifest = CLASS_B, *, alone: bool = False, keys_kept: float | None = None) -> Destination:
        url, process = launch_destination(tmp_path) if alone else shared
        lag = manifest.look_up_lag.total_seconds() if manifest.look_up_lag is not None else 0.0
        retention = min(manifest.key_retention.total_seconds(), 1e9) if keys_kept is None else keys_kept
        bound = (manifest.send_deadline + manifest.in_flight_bound).total_seconds()
        promised = {"key_retention": retention, "look_up_lag": lag, "replays_errors": manifest.replays_errors, "in_flight_bound": bound}
        assert HTTP.post(f"{url}/reset", json=promised).status_code == 200
        register = Register.open(register_url)
        destination = Destination(url, process, manifest, register, tmp_path)
        started.append((destination, alone))
        return destination

    yield start
    for destination, alone in started:
        destination.register.close()
        if alone:
            stop(destination.process)
