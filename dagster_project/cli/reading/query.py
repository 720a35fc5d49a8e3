"""``tieout query``: ready answers from the published copy, which no writer ever blocks."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import ConfigurationError, DestinationError

if TYPE_CHECKING:
    from dagster_project.cli.reading.ready_queries import ReadyQuery
    from reverse_etl.warehouse import Warehouse

SHOWN = 100
_RELATIONS = "select table_schema, table_name from information_schema.tables where table_schema not in ('information_schema', 'pg_catalog', 'breaks')"


@click.command("query")
@click.argument("name", required=False)
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of the query; may be given several times.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, amounts in minor units.")
@click.option("--all", "everything", is_flag=True, help=f"Show every row, not the first {SHOWN} (CSV and JSON always have every one).")
@click.option("--sql", "as_sql", is_flag=True, help="Print the statement instead of running it.")
@with_session
def query_command(session: Session, name: str | None, given: Sequence[str], as_csv: bool, everything: bool, as_sql: bool) -> None:
    """Run the ready query NAME against the published copy of the warehouse, while a close runs too; without a name list them.

    The queries are files of dbt_project/analyses; a file added there is one more. See docs/analysts.md.
    """
    from dagster_project.cli.reading.ready_queries import ready_queries, ready_query

    if as_csv and session.as_json:
        raise click.UsageError("--csv and --json exclude each other", click.get_current_context())
    if name is None:
        _list(session, list(ready_queries().values()))
        return
    query = ready_query(name)
    warehouse = session.installation.warehouse
    statement = query.statement(_schemas(warehouse, query))
    if as_sql:
        click.echo(statement)
        return
    values = query.bound(_assignments(given))
    if values.get("entity") is not None:
        session.settings.require_entity(str(values["entity"]))
    rows = _asked(warehouse, query, statement, values)
    records: list[dict[str, Any]] = rows.to_pylist()
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows.column_names)
        writer.writerows([_plain(record[column]) for column in rows.column_names] for record in records)
        return
    if not records:
        of = f" ({', '.join(given)})" if given else ""
        session.line(f"{query.question} Nothing{of}.")
    else:
        _show(session, query, records, rows.column_names, everything)
    session.result(records)


def _asked(warehouse: Warehouse, query: ReadyQuery, statement: str, values: Mapping[str, str | None]) -> Any:
    """The rows. Raises ``ConfigurationError`` for a value that is not what the query takes, ``DestinationError`` where the copy has other models."""
    import duckdb

    try:
        return warehouse.read_published(statement, values)
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        told = ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
        raise ConfigurationError(f"query {query.name} cannot use {told}: {str(error).splitlines()[0]}") from error
    except duckdb.BinderException as error:
        told = str(error).splitlines()[0]
        raise DestinationError(
            f"the published copy was built by other models than query {query.name} reads ({told}): run 'tieout plan PERIOD'"
        ) from error


def _assignments(given: Sequence[str]) -> dict[str, str]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set takes NAME=VALUE, not {text!r}", click.get_current_context())
        values[name.strip().replace("-", "_")] = value
    return values


def _schemas(warehouse: Warehouse, query: ReadyQuery) -> Any:
    """Where a model of the query is. Raises ``DestinationError`` where one was never built."""
    found = {row["table_name"]: row["table_schema"] for row in warehouse.read_published(_RELATIONS).to_pylist() if row["table_schema"] != "raw"}
    models, _ = query.relations()
    missing = sorted(models - set(found))
    if missing:
        raise DestinationError(f"nothing is computed yet of {', '.join(missing)}: run 'tieout plan PERIOD' or 'tieout close PERIOD' first")
    return found.__getitem__


def _list(session: Session, queries: Sequence[ReadyQuery]) -> None:
    rows = [
        {
            "name": query.name,
            "question": query.question,
            "parameters": ", ".join(f"{parameter.name}{'' if parameter.is_required else '?'}" for parameter in query.parameters),
        }
        for query in queries
    ]
    session.table("Ready queries (a parameter with ? may be left out)", rows, ["name", "question", "parameters"])
    session.line("tieout query NAME --set PARAMETER=VALUE; of your own: docs/analysts.md")
    session.result([{**row, "grain": query.grain, "parameters": query.parameters} for row, query in zip(rows, queries, strict=True)])


def _show(session: Session, query: ReadyQuery, records: list[dict[str, Any]], columns: Sequence[str], everything: bool) -> None:
    # Columns in which no row says anything only take width.
    told = [column for column in columns if any(record[column] is not None for record in records)]
    shown = records if everything else records[:SHOWN]
    more = f", the first {SHOWN}; --all shows every one" if len(shown) < len(records) else ""
    session.table(f"{query.question} ({len(records)} rows{more})", [{name: _plain(record[name]) for name in told} for record in shown], told)


def _plain(value: Any) -> Any:
    """A time without zone is UTC, as everywhere here."""
    from datetime import datetime

    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value
