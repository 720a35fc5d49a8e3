"""DuckDB, one file: one writing process at a time, readers on a published copy."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from reverse_etl.errors import DestinationError, WarehouseBusyError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.warehouse.duckdb_session import DuckDBSession

PUBLISH_ATTEMPTS = 3
# Written into the warehouse with each copy, for a file that is moved or restored has another time than its content.
PUBLICATION = "main.publication"
POLL_SECONDS = 0.2
# How DuckDB tells who has the file open: it knows of other programs than ours.
_HELD = re.compile(r"Could not set lock on file .*?Conflicting lock is held(?: in (?P<program>.+?))? \(PID (?P<pid>\d+)\)", re.DOTALL)
NOTHING_RENAMED: Mapping[str, str] = MappingProxyType({})


class DuckDBWarehouse:
    """The warehouse in one DuckDB file. The lock beside it binds the pipeline and the command line alike."""

    def __init__(self, path: Path, published: Path, lock_path: Path, wait_seconds: float, memory_limit: str = "80%") -> None:
        self._path = path
        self._published = published
        self._lock_path = lock_path
        self._wait_seconds = wait_seconds
        self._memory_limit = memory_limit
        self._thread = threading.local()

    @contextmanager
    def writing(self, holder: str) -> Iterator[None]:
        with self._locked(holder) as deadline:
            if deadline is not None:
                # Whoever opens the file within, dbt too, neither waits for another program nor names it.
                self._connect(deadline).close()
            yield

    @contextmanager
    def _locked(self, holder: str) -> Iterator[float | None]:
        """Hold the lock; gives until when to wait for the file (a time of ``time.monotonic``), None where this thread holds it already."""
        if getattr(self._thread, "depth", 0) > 0:
            yield None
            return
        deadline = time.monotonic() + self._wait_seconds
        try:
            with file_lock(self._lock_path, holder, self._wait_seconds):
                self._thread.depth = 1
                try:
                    yield deadline
                finally:
                    self._thread.depth = 0
        except LockTimeoutError as error:
            raise self._busy(error.holder, f" (since {error.since:%Y-%m-%d %H:%M:%S} UTC)") from error

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> pa.Table:
        with self._connection("read") as connection:
            try:
                return connection.sql(statement, params=list(parameters)).to_arrow_table()
            except duckdb.CatalogException as error:
                raise DestinationError(f"the warehouse {self._path} lacks a relation: {error}; run 'tieout init' and a close first") from error

    def read_published(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        with self.reading_published() as read:
            return read(statement, parameters)

    @contextmanager
    def reading_published(self) -> Iterator[Callable[[str, Sequence[Any] | Mapping[str, Any]], pa.Table]]:
        if not self._published.is_file():
            raise DestinationError(f"nothing is published yet at {self._published}; run 'tieout close PERIOD' first")
        try:
            connection = duckdb.connect(str(self._published), read_only=True)
        except duckdb.Error as error:
            raise DestinationError(f"the published copy {_unreadable(self._published, error)}") from error

        def read(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> pa.Table:
            try:
                return connection.sql(statement, params=dict(parameters) if isinstance(parameters, Mapping) else list(parameters)).to_arrow_table()
            except duckdb.CatalogException as error:
                raise DestinationError(f"the published copy lacks a relation: {error}; run 'tieout plan' or 'tieout close' for it") from error

        try:
            yield read
        finally:
            connection.close()

    def append(self, relation: str, rows: pa.Table) -> int:
        columns = ", ".join(f'"{name}"' for name in rows.column_names)
        with self._connection(f"append to {relation}") as connection:
            connection.register("appended_rows", rows)
            connection.execute(f"insert into {relation} ({columns}) select {columns} from appended_rows")
        return int(rows.num_rows)

    def execute(self, statements: Sequence[str]) -> None:
        with self._connection("execute") as connection:
            connection.begin()
            try:
                for statement in statements:
                    connection.execute(statement)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def create_relations(self, relations: Mapping[str, Mapping[str, str]], renamed: Mapping[str, str] = NOTHING_RENAMED) -> None:
        schemas = sorted({relation.split(".")[0] for relation in relations})
        with self.writing("create relations"):
            self._rename(renamed)
            self.execute(
                [f"create schema if not exists {schema}" for schema in schemas]
                + [
                    f"create table if not exists {relation} (" + ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) + ")"
                    for relation, columns in relations.items()
                ]
            )
            there = self.read("select table_schema || '.' || table_name as relation, column_name from information_schema.columns").to_pylist()
            standing = {(row["relation"], row["column_name"]) for row in there}
            # Relations only ever gain columns, so that an installation made by an earlier version goes on.
            missing = [(relation, name, kind) for relation, columns in relations.items() for name, kind in columns.items()]
            added = [f'alter table {relation} add column "{name}" {kind}' for relation, name, kind in missing if (relation, name) not in standing]
            if added:
                self.execute(added)

    def _rename(self, renamed: Mapping[str, str]) -> None:
        there = {
            row["relation"] for row in self.read("select table_schema || '.' || table_name as relation from information_schema.tables").to_pylist()
        }
        missing = {old: new for old, new in renamed.items() if old in there and new not in there}
        self.execute([f"alter table {old} rename to {new.split('.')[1]}" for old, new in missing.items()])

    @contextmanager
    def session(self, holder: str) -> Iterator[DuckDBSession]:
        with self._connection(holder) as connection:
            yield DuckDBSession(connection)

    def publish(self) -> None:
        self._published.parent.mkdir(parents=True, exist_ok=True)
        staged = self._published.parent / f".{os.getpid()}-{self._published.name}"
        with self.writing("publish"):
            for _ in range(PUBLISH_ATTEMPTS):
                # After a checkpoint the file is the whole database, and copying it costs far less than copying its rows.
                with self._connection("publish") as connection:
                    now = datetime.now(UTC).replace(tzinfo=None)
                    connection.execute(f"create or replace table {PUBLICATION} as select cast(? as timestamp) as published_at", [now])
                    connection.execute("checkpoint")
                before = self._stamp()
                shutil.copyfile(self._path, staged)
                if self._stamp() == before and not self._path.with_name(f"{self._path.name}.wal").exists():
                    os.replace(staged, self._published)
                    return
        staged.unlink(missing_ok=True)
        raise WarehouseBusyError(f"the warehouse {self._path} is being written to without its lock; let that end, then run again")

    def published_at(self) -> datetime | None:
        if not self._published.is_file():
            return None
        try:
            rows = self.read_published(f"select published_at from {PUBLICATION}").to_pylist()
        except DestinationError:
            # Made by a version that did not write it down.
            return datetime.fromtimestamp(self._published.stat().st_mtime, UTC)
        published_at: datetime = rows[0]["published_at"]
        return published_at.replace(tzinfo=UTC)

    def _stamp(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size

    def occupant(self) -> str | None:
        if not self._path.is_file():
            return None
        try:
            with file_lock(self._lock_path, "looking who has the file open", wait_seconds=0.0):
                opened = self._open()
                if isinstance(opened, str):
                    return opened
                opened.close()
        except LockTimeoutError:
            # Somebody of ours is at work, which every writer waits for.
            pass
        return None

    @contextmanager
    def _connection(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._locked(purpose) as deadline:
            connection = self._connect(time.monotonic() + self._wait_seconds if deadline is None else deadline)
            try:
                connection.execute("set enable_progress_bar = false")
                yield connection
            finally:
                connection.close()

    def _connect(self, deadline: float) -> duckdb.DuckDBPyConnection:
        """Open the file once no other program has it open.

        Raises:
            WarehouseBusyError: one has, until ``deadline``; the message names it.
            DestinationError: it is no warehouse, or cannot be read or written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while isinstance(opened := self._open(), str):
            if time.monotonic() >= deadline:
                raise self._busy(opened)
            time.sleep(POLL_SECONDS)
        return opened

    def _open(self) -> duckdb.DuckDBPyConnection | str:
        """A connection, or the program that has the file open."""
        try:
            return duckdb.connect(str(self._path), config={"memory_limit": self._memory_limit})
        except duckdb.IOException as error:
            held = _HELD.search(str(error))
            if held is None:
                raise DestinationError(f"the warehouse {_unreadable(self._path, error)}") from error
            return _program(held["program"], int(held["pid"]))

    def _busy(self, holder: str, since: str = "") -> WarehouseBusyError:
        return WarehouseBusyError(
            f"the warehouse {self._path} has been held by {holder} for {self._wait_seconds:.0f} s{since}; wait for it or stop it, then run again"
            f" (who only reads opens {self._published}, which nobody waits for)"
        )


def _unreadable(path: Path, error: duckdb.Error) -> str:
    return f"{path} cannot be opened: {str(error).splitlines()[0]}; 'tieout doctor' says what to do"


def _program(path: str | None, pid: int) -> str:
    """A program that is none of ours, and whose it is, where the system tells."""
    name = Path(path).name if path else "another program"
    try:
        owner = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
    except (OSError, KeyError):
        return f"{name} (process {pid})"
    return f"{name} (process {pid}) of user {owner}"
