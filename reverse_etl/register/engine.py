"""Engines: everything that differs between SQLite and other databases, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from reverse_etl.errors import RegisterError

BUSY_TIMEOUT_MILLISECONDS = 30_000
FULL = 2


def open_engine(url: str) -> Engine:
    """An engine whose transactions are durable when they return.

    Raises:
        RegisterError: the URL is not understood, or SQLite would not give WAL with synchronous=FULL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise RegisterError(f"the register's URL {url!r} is not understood; use sqlite:///<path> or postgresql+<driver>://...") from error
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed)
    # A URI ("file:...?mode=ro") names its file itself, and is never there to create one.
    if parsed.database and not parsed.database.startswith("file:"):
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction; a failure of the store becomes a ``RegisterError`` and nothing of it stays."""
    with _typed_errors(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent read; takes no write lock."""
    with _typed_errors(engine), engine.connect().execution_options(tieout_reading=True) as connection, connection.begin():
        yield connection


@contextmanager
def _typed_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise RegisterError(f"the register {engine.url.render_as_string()}: {error.orig}; {_advice(str(error.orig))}") from error
    except SQLAlchemyError as error:
        raise RegisterError(f"the register {engine.url.render_as_string()}: {error}") from error


def _advice(message: str) -> str:
    lowered = message.lower()
    if "full" in lowered or "disk i/o" in lowered:
        return "free space on its disk and run again, nothing of this step was recorded"
    if "readonly" in lowered or "unable to open" in lowered:
        return "give this user write access to the file and its folder"
    if "locked" in lowered:
        return "another process holds it; wait or stop that process, then run again"
    return "nothing of this step was recorded"


def _configure_sqlite(connection: Any, _record: Any) -> None:
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


def _begin_sqlite(connection: Connection) -> None:
    # Taking the write lock at once avoids an upgrade that fails half way through a transaction.
    reading_only = connection.get_execution_options().get("tieout_reading", False)
    connection.exec_driver_sql("BEGIN" if reading_only else "BEGIN IMMEDIATE")
