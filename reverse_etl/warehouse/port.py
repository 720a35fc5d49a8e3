"""What Tieout asks of a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from reverse_etl.settings import Settings


@dataclass(frozen=True, slots=True)
class DeliveredParquet:
    path: Path
    file_name: str
    landed_on: date
    num_rows: int


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """Parquet files of the same text ``columns`` that the engine reads by itself, without holding them in memory: their columns, and
    delivered_file, delivered_on and delivered_line (the row in its file, from 1)."""

    columns: tuple[str, ...]
    files: tuple[DeliveredParquet, ...]

    @property
    def num_rows(self) -> int:
        return sum(file.num_rows for file in self.files)


Delivered: TypeAlias = pa.Table | ParquetRows


class UnsoundParquetError(Exception):
    """The rows of a ``ParquetRows`` cannot be read to their end."""


class JsonDialect(Protocol):
    """How an engine spells what landing asks of JSON. Arguments and results are SQL texts."""

    def lines(self, members: Sequence[str]) -> str:
        """A query over ``delivered`` (delivered_file, _on, _line, _record) that adds ``delivered_error`` (null for a JSON object) and one text
        column per member.

        A member is a dotted path (``data.meter``). A record that cannot be kept to its last digit is a parse error too.
        """
        ...

    def document(self, text: str) -> str:
        """The text as a compact JSON object; null where it is none."""
        ...

    def object(self, members: Mapping[str, str]) -> str:
        """A JSON object (text) of these members, strings or null."""
        ...


class WarehouseTransaction(Protocol):
    """Reads and writes of one transaction. ``delivered`` rows are visible to a statement under that name."""

    def read(self, statement: str, parameters: Sequence[Any] = (), delivered: Delivered | None = None) -> pa.Table: ...

    def write(self, statement: str, parameters: Sequence[Any] = (), delivered: Delivered | None = None) -> int:
        """Run one statement; the number of rows it wrote. Raises ``UnsoundParquetError`` where ``delivered`` cannot be read."""
        ...


class WarehouseSession(Protocol):
    """The writer's lock and one connection, for work of many small transactions on files (never across HTTP)."""

    @property
    def json(self) -> JsonDialect: ...

    def transaction(self) -> AbstractContextManager[WarehouseTransaction]:
        """Commits at the end of the block, rolls back when it raises."""
        ...


class Warehouse(Protocol):
    """Every method opens and closes its own connection: long HTTP work must never hold one."""

    def writing(self, holder: str) -> AbstractContextManager[None]:
        """Hold the warehouse's one writer lock (re-entrant within a thread); waits with a limit and names the holder."""
        ...

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run one query. Raises ``DestinationError`` when the relation does not exist."""
        ...

    def read_published(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        """Run one query on the published copy, which no writer ever blocks; parameters by place or by name. Raises ``DestinationError`` where
        nothing is published."""
        ...

    def reading_published(self) -> AbstractContextManager[Callable[[str, Sequence[Any] | Mapping[str, Any]], pa.Table]]:
        """Many queries on one published copy: the same one for all of them, whatever is published meanwhile. Raises ``DestinationError`` as above."""
        ...

    def append(self, relation: str, rows: pa.Table) -> int:
        """Append rows to an existing relation, columns matched by name; all or nothing."""
        ...

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction (creating relations, removing rows of a mirror that is rebuilt)."""
        ...

    def create_relations(self, relations: Mapping[str, Mapping[str, str]], renamed: Mapping[str, str] = ...) -> None:
        """Create the named relations (``schema.table`` -> column -> SQL type) where they do not exist yet.

        ``renamed`` (old -> new): what stands under an older name gets its new one first.
        """
        ...

    def session(self, holder: str) -> AbstractContextManager[WarehouseSession]:
        """Hold the writer's lock and one connection for a series of transactions."""
        ...

    def publish(self) -> None:
        """Replace the copy that readers use, atomically."""
        ...

    def published_at(self) -> datetime | None:
        """When the copy that readers use was made, as it says itself; None where nothing is published."""
        ...

    def occupant(self) -> str | None:
        """The program, none of ours, that has the warehouse open for itself, and its user; None where there is none. Waits for nobody."""
        ...


def open_warehouse(settings: Settings) -> Warehouse:
    from reverse_etl.warehouse.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(
        path=settings.warehouse_path,
        published=settings.published_path,
        lock_path=settings.lock_folder / "warehouse.lock",
        wait_seconds=settings.warehouse_wait_seconds,
        memory_limit=settings.warehouse_memory_limit,
    )
