"""Dagster's SQLite event log with one engine per database kept, where Dagster's own makes a new one for every event.

Nothing else differs: same files, same schema, same transactions. A close records some 600 events, and making an engine (with a cold
statement cache) and the last close of a database (which checkpoints its log) cost more than writing the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterRun, EventLogEntry
from dagster._config import StringSource
from dagster._core.storage.event_log import EventLogStorage, SqliteEventLogStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import QueuePool

from dagster_project.open_lineage.observer import observe
from dagster_project.runs.under_way import hold_while_under_way

BUSY_TIMEOUT_SECONDS = 10
KEPT_RUNS = 16
INDEX = "index"


class ObservedEventLog(EventLogStorage):
    """An event log that tells OpenLineage of what it stores, and others which runs are under way. ``dagster_home``: the folder of the instance."""

    dagster_home: Path

    def store_event(self, event: EventLogEntry) -> None:
        super().store_event(event)  # type: ignore[safe-super]
        # Every event of every run comes by here once, in the process of the run, whether a command or the daemon started it.
        observe(self.dagster_home, event, self)
        hold_while_under_way(self.dagster_home.parent, event)

    def run(self, run_id: str) -> DagsterRun | None:
        return self._instance.get_run_by_id(run_id) if self.has_instance else None

    def open_steps(self, run_id: str) -> set[str]:
        """The steps of a run that began and did not end."""
        kinds = {DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE}
        entries = self.get_logs_for_run(run_id, of_type=kinds)
        ended = {entry.step_key for entry in entries if entry.dagster_event and entry.dagster_event.event_type is not DagsterEventType.STEP_START}
        return {str(entry.step_key) for entry in entries} - {str(step) for step in ended}


class KeptEngineEventLogStorage(ObservedEventLog, SqliteEventLogStorage):
    """``dagster_home``: the folder whose ``history/runs`` holds the event log, as with Dagster's own storage."""

    def __init__(self, dagster_home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        self.dagster_home = Path(dagster_home)
        super().__init__(str(Path(dagster_home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {"dagster_home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> KeptEngineEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def has_table(self, table_name: str) -> bool:
        # Asked with every event; a table that is there stays.
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def wipe(self) -> None:
        self._forget()
        super().wipe()

    def dispose(self) -> None:
        self._forget()
        super().dispose()

    def _forget(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        self._tables.clear()

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            runs = [name for name in self._engines if name != INDEX]
            if len(runs) >= KEPT_RUNS:
                self._engines.pop(runs[0]).dispose()
            # One connection is enough: every use holds the storage's own lock. Threads share it one after the other.
            options = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            engine = create_engine(create_db_conn_string(self._base_dir, shard), poolclass=QueuePool, pool_size=1, connect_args=options)
            self._initdb(engine)
            self._engines[shard] = engine
        return self._engines[shard]
