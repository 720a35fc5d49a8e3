"""PostgreSQL as a second engine for dbt: the relations that Tieout writes to its own warehouse, copied there."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import closing

import pyarrow as pa
import pyarrow.csv

from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.warehouse.port import Warehouse


def copy_relations(warehouse: Warehouse, address: str, relations: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """Make each relation (``schema.table`` -> column -> SQL type) in PostgreSQL what it is in the warehouse; the rows by relation.

    ``address`` is a connection string of libpq. All relations change in one transaction, and the views on them stay.

    Raises:
        ConfigurationError: there is no driver or no connection.
        DestinationError: PostgreSQL refuses a relation.
    """
    try:
        import psycopg2
    except ModuleNotFoundError as error:
        raise ConfigurationError("there is no driver for PostgreSQL; install it: pip install 'tieout[postgresql]'") from error
    try:
        connection = psycopg2.connect(address)
    except psycopg2.Error as error:
        raise ConfigurationError(f"cannot connect to PostgreSQL: {error}; check the address, and that the server runs") from error
    copied: dict[str, int] = {}
    with (
        closing(connection),
        connection,
        connection.cursor() as cursor,
        warehouse.session("copy to PostgreSQL") as session,
        session.transaction() as transaction,
    ):
        for relation, columns in relations.items():
            names = ", ".join(f'"{name}"' for name in columns)
            rows = transaction.read(f"select {names} from {relation}")
            try:
                for statement in _creation(relation, columns):
                    cursor.execute(statement)
                cursor.copy_expert(f"copy {relation} ({names}) from stdin with (format csv)", io.BytesIO(_csv(rows)))
                # Without statistics the first build would be planned for empty relations.
                cursor.execute(f"analyze {relation}")
            except psycopg2.Error as error:
                raise DestinationError(f"PostgreSQL refuses {relation}: {error}; nothing was copied") from error
            copied[relation] = rows.num_rows
    return copied


def _creation(relation: str, columns: Mapping[str, str]) -> Iterator[str]:
    yield f"create schema if not exists {relation.partition('.')[0]}"
    yield f"create table if not exists {relation} (" + ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) + ")"
    yield from (f'alter table {relation} add column if not exists "{name}" {kind}' for name, kind in columns.items())
    yield f"truncate {relation}"


def _csv(rows: pa.Table) -> bytes:
    """Null is nothing and an empty text is quoted, which is how PostgreSQL tells them apart."""
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(rows, sink, pa.csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    return bytes(sink.getvalue())
