"""The register in a file: WAL with ``synchronous=FULL``, one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from reverse_etl.errors import RegisterError
from reverse_etl.register.store.store import NOTHING_RECORDED, Store

BUSY_TIMEOUT_MILLISECONDS = 30_000
FULL = 2


class SQLiteStore(Store):
    def __init__(self, url: URL) -> None:
        # A URI ("file:...?mode=ro") names its file itself, and is never there to create one.
        if url.database and not url.database.startswith("file:"):
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, hide_parameters=True)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        super().__init__(engine, engine.execution_options(tieout_reading=True))

    def weaknesses(self) -> tuple[str, ...]:
        return ()

    @contextmanager
    def lane(self, system: str, entity: str, holder: str) -> Iterator[None]:
        # A file is of one machine, where the lane's own lock file is enough.
        yield

    def _lock(self, connection: Connection) -> None:
        # BEGIN IMMEDIATE did.
        return

    def _advice(self, error: DBAPIError) -> str:
        lowered = str(error.orig).lower()
        if "full" in lowered or "disk i/o" in lowered:
            return f"free space on its disk and run again, {NOTHING_RECORDED}"
        if "readonly" in lowered or "unable to open" in lowered:
            return "give this user write access to the file and its folder"
        if "locked" in lowered:
            return "another process holds it; wait or stop that process, then run again"
        if "malformed" in lowered or "not a database" in lowered:
            return "put the last backup in its place (docs/register.md)"
        return NOTHING_RECORDED


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")
        journal = cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        cursor.execute("PRAGMA synchronous = FULL")
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    finally:
        cursor.close()
    if journal != "wal" or synchronous != FULL:
        raise RegisterError(
            f"SQLite gave journal_mode={journal}, synchronous={synchronous} instead of wal and {FULL} (full); "
            "the register needs a local, writable file system, otherwise a power cut could lose what was sent"
        )


def _begin(connection: Connection) -> None:
    # Taking the write lock at once avoids an upgrade that fails half way through a transaction.
    reading_only = connection.get_execution_options().get("tieout_reading", False)
    connection.exec_driver_sql("BEGIN" if reading_only else "BEGIN IMMEDIATE")
