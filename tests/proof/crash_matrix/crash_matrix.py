"""Runs cases side by side: every worker has a destination and registers of its own, and the counts come in the order of the cases."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from crash_cases import STORES, Case
from crash_count import Counts
from crash_run import ProtocolPusher, World, run, seal
from crash_stores import PostgresqlStore, SqliteStore, Store
from naive_pusher import NaivePusher
from posting_books import launch_destination

from reverse_etl.sandbox.processes import stop

# A run waits more than it works.
WORKERS = 6
PUSHERS = {"protocol": ProtocolPusher, "naive": NaivePusher}
FORK = multiprocessing.get_context("fork")

# Kills do not depend on the disk: where there is a file system in memory, the registers are there.
MEMORY = Path("/dev/shm")

# What a worker process has: its worlds by store, and its pusher.
_worlds: dict[str, World] = {}
_pushers: list[ProtocolPusher] = []


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """A server of its own; the URL of its database ``postgres``."""
    from postgresql_server import ended, started_server

    server = started_server(folder)
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        ended(server)


@contextmanager
def worlds(stores: Sequence[str], workers: int) -> Iterator[list[dict[str, World]]]:
    """For each worker a destination, and a store of every kind."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="crash-matrix-", dir=MEMORY if MEMORY.is_dir() else None)))
        server_url = running.enter_context(postgresql_server(folder / "postgresql")) if "postgresql" in stores else None
        made: list[dict[str, World]] = []
        for number in range(workers):
            own = folder / str(number)
            own.mkdir()
            url, process = launch_destination(own)
            running.callback(stop, process)
            made.append({name: World(url, _store(name, own, server_url, f"worker_{number}"), own) for name in stores})
        yield made


def _store(name: str, folder: Path, server_url: str | None, prefix: str) -> Store:
    if name == "sqlite":
        return SqliteStore(folder, seal)
    assert server_url is not None
    return PostgresqlStore(server_url, prefix, seal)


def results(cases: Sequence[Case], pusher: str = "protocol", workers: int = WORKERS) -> Iterator[Counts]:
    """Run the cases side by side; their counts in the order of the cases."""
    stores = [name for name in STORES if any(case.store == name for case in cases)]
    with worlds(stores, min(workers, len(cases))) as made:
        free = FORK.SimpleQueue()
        for number in range(len(made)):
            free.put(number)
        with ProcessPoolExecutor(len(made), mp_context=FORK, initializer=_begin, initargs=(made, free, pusher)) as executor:
            yield from executor.map(_run, cases)


def _begin(made: list[dict[str, World]], free: multiprocessing.SimpleQueue[int], pusher: str) -> None:
    _worlds.update(made[free.get()])
    _pushers.append(PUSHERS[pusher]())


def _run(case: Case) -> Counts:
    return run(case, _worlds[case.store], _pushers[0])
