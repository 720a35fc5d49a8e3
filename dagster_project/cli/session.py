"""What every command has: the installation it works on, and one way to print for people or, with ``--json``, for programs."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from reverse_etl.correlation import correlated
from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from dagster_project.close import Installation
    from dagster_project.progress import Progress
    from reverse_etl.settings import Settings


class Session:
    """``as_json``: one JSON document on standard output, progress as JSON lines on standard error."""

    def __init__(self, home: Path | None, as_json: bool) -> None:
        self._home = home
        self.as_json = as_json

    @property
    def settings(self) -> Settings:
        from reverse_etl.settings import HOME_VARIABLE, load_settings

        settings = load_settings(self._home)
        # Whatever this process starts works on the same installation.
        os.environ[HOME_VARIABLE] = str(settings.home)
        return settings

    @property
    def installation(self) -> Installation:
        """Raises ``ConfigurationError`` when ``tieout init`` was never run there."""
        from dagster_project.close import Installation

        settings = self.settings
        if not settings.warehouse_path.is_file():
            raise ConfigurationError(f"{settings.home} is no installation yet: run 'tieout init' first")
        return Installation(settings)

    def line(self, text: str) -> None:
        if not self.as_json:
            click.echo(text)

    def progress(self, progress: Progress) -> None:
        click.echo(progress.to_json() if self.as_json else str(progress), err=self.as_json)

    def result(self, value: Any) -> None:
        """The one JSON document of the command; people have read its lines and tables already."""
        if self.as_json:
            click.echo(json.dumps(value, default=_plain, indent=2))

    def table(self, title: str, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        if self.as_json:
            return
        from rich.console import Console
        from rich.table import Table

        shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
        for column in columns:
            numeric = bool(records) and all(isinstance(record[column], int) or record[column] is None for record in records)
            shown.add_column(column.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
        for record in records:
            shown.add_row(*("" if record[column] is None else str(record[column]) for column in columns))
        Console(width=None if sys.stdout.isatty() else 180).print(shown)


def with_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its session as the first argument, and the option ``--json``."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.pass_context
    @functools.wraps(function)
    def command(context: click.Context, /, *arguments: Any, as_json: bool, **options: Any) -> Any:
        # One id for all that a command asks and records; a run of Dagster that it starts has its own.
        with correlated(uuid4().hex):
            return function(Session(context.find_root().obj, as_json), *arguments, **options)

    return command


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
