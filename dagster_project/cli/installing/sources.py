"""``tieout sources``: what can be delivered, and what a file of it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from reverse_etl.landing.mapping import SourceMapping


@click.command("sources")
@click.argument("name", required=False)
@click.option("--header", is_flag=True, help="Print the first line of a CSV file of NAME and nothing else.")
@with_session
def sources_command(session: Session, name: str | None, header: bool) -> None:
    """List the sources that files are delivered to (inbox/<source>/<YYYY-MM-DD>/), or say which columns a file of NAME has.

    A file with other columns is read through a mapping of the same shape, mappings/<source>.yaml of the home folder, under any name of your own.
    """
    if header and name is None:
        raise click.UsageError("--header needs the NAME of a source")
    sources = _sources(session.settings.mappings)
    if name is None:
        rows = [{"source": source, "lands_in": mapping.relation, "mapping": origin} for source, (mapping, origin) in sorted(sources.items())]
        session.table("Sources", rows, ("source", "lands_in", "mapping"))
        session.result(rows)
        return
    try:
        mapping, _ = sources[name]
    except KeyError:
        raise ConfigurationError(
            f"no source {name!r}; there are {', '.join(sorted(sources))}: for another one write mappings/{name}.yaml in the home folder"
        ) from None
    columns = [{"column": column, "may_be_absent": "yes" if absent else ""} for column, absent in mapping.delivered_columns().items()]
    if header:
        click.echo(mapping.format.delimiter.join(column["column"] for column in columns))
        return
    session.line(f"{name} lands in {mapping.relation}")
    session.table("Columns", columns, ("column", "may_be_absent"))
    session.result({"source": name, "lands_in": mapping.relation, "columns": columns})


def _sources(own: Path) -> dict[str, tuple[SourceMapping, str]]:
    """Every source with its mapping, and whose that is. Raises ConfigurationError: a mapping of the installation is none."""
    from reverse_etl.landing.mapping import BUILT_IN, read_mapping

    found = {path.stem: (read_mapping(path), "built in") for path in BUILT_IN.glob("*.yaml")}
    return found | {path.stem: (read_mapping(path), "own") for path in own.glob("*.yaml")}
