"""PostgreSQL as a second warehouse for dbt: what Tieout wrote to its own warehouse, copied there whole."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.warehouse.port import Warehouse

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection


def copy_relations(warehouse: Warehouse, address: str, relations: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """Make each relation (``schema.table`` -> column -> SQL type) in PostgreSQL what it is in the warehouse; the rows by relation.

    ``address`` is a connection string of libpq. All relations change in one transaction, and views on them stay.

    Raises:
        ConfigurationError: there is no driver, or no connection; the message says what to do.
        DestinationError: the warehouse lacks a relation, or PostgreSQL refuses one.
    """
    import psycopg2

    with _connected(address) as connection, warehouse.writing("copy to PostgreSQL"):
        copied: dict[str, int] = {}
        for relation, columns in relations.items():
            names = ", ".join(f'"{name}"' for name in columns)
            rows = warehouse.read(f"select {names} from {relation}")
            try:
                with connection.cursor() as cursor:
                    for statement in _creation(relation, columns):
                        cursor.execute(statement)
                    cursor.execute(f"truncate {relation}")
                    cursor.copy_expert(f"copy {relation} ({names}) from stdin with (format csv)", io.BytesIO(_csv(rows)))
            except psycopg2.Error as error:
                raise DestinationError(f"PostgreSQL refuses {relation}: {error}; nothing was copied") from error
            copied[relation] = rows.num_rows
        connection.commit()
    return copied


@contextmanager
def _connected(address: str) -> Iterator[Connection]:
    try:
        import psycopg2
    except ModuleNotFoundError as error:
        raise ConfigurationError("there is no driver for PostgreSQL; install it: pip install 'tieout[postgresql]'") from error
    try:
        connection = psycopg2.connect(address)
    except psycopg2.Error as error:
        raise ConfigurationError(f"cannot connect to PostgreSQL: {error}; check the address and that the server runs") from error
    try:
        yield connection
    finally:
        connection.close()


def _creation(relation: str, columns: Mapping[str, str]) -> Iterator[str]:
    yield f"create schema if not exists {relation.split('.')[0]}"
    yield f"create table if not exists {relation} (" + ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) + ")"
    for name, kind in columns.items():
        yield f'alter table {relation} add column if not exists "{name}" {kind}'


def _csv(rows: pa.Table) -> bytes:
    """Null is nothing and an empty text is quoted, which is how PostgreSQL tells them apart."""
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(rows, sink, pa.csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    return bytes(sink.getvalue())
