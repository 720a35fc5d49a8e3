"""What every command has: the installation it works on, and one way to print for people or, with ``--json``, for programs."""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from uuid import uuid4

import click

from dagster_project.quantities import number
from reverse_etl.correlation import correlated
from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from dagster_project.cli.terminal.bars import Bars
    from dagster_project.close import Installation
    from dagster_project.runs.progress import Progress
    from reverse_etl.settings import Settings


WAITS = "tieout.waits"


class Session:
    """``as_json``: one JSON document on standard output; progress, warnings and an error as JSON lines on standard error.

    ``is_quiet``: errors alone.
    """

    def __init__(self, home: Path | None, as_json: bool, is_quiet: bool = False) -> None:
        self._home = home
        self._bars: Bars | None = None
        self.as_json = as_json
        self.is_quiet = is_quiet

    @functools.cached_property
    def settings(self) -> Settings:
        from reverse_etl.settings import HOME_VARIABLE, load_settings

        settings = load_settings(self._home)
        # Whatever this process starts works on the same installation.
        os.environ[HOME_VARIABLE] = str(settings.home)
        return settings

    @property
    def home(self) -> Path:
        """The home folder, whether or not it is one."""
        from reverse_etl.settings import home_folder

        return self._home or home_folder()

    @property
    def installation(self) -> Installation:
        """Raises ``ConfigurationError`` when ``tieout init`` was never run there."""
        settings = self.settings
        if not settings.warehouse_path.is_file():
            raise ConfigurationError(f"{settings.home} is no installation yet: run 'tieout init' first, or say where it is (--home, TIEOUT_HOME)")
        from dagster_project.close import Installation
        from reverse_etl.structured_log import write_log

        write_log(settings)
        return Installation(settings)

    @property
    def wait(self) -> Callable[[str], None] | None:
        """Whom to tell what a command waits for; None where it was not asked to wait (``--wait``)."""
        if not click.get_current_context().meta.get(WAITS):
            return None
        return (lambda _: None) if self.is_quiet else functools.partial(click.echo, err=True)

    @property
    def tells_people(self) -> bool:
        return not self.as_json and not self.is_quiet

    def line(self, text: str) -> None:
        if not self.tells_people:
            return
        if self._bars is not None and self._bars.is_on_standard_output:
            self._bars.line(text)
        else:
            click.echo(text)

    def paragraph(self, text: str) -> None:
        """Set in by two spaces, wrapped between words at the width of the terminal."""
        if self.tells_people:
            from dagster_project.cli.terminal.tables import wrapped

            self.line(wrapped(text))

    def progress(self, progress: Progress) -> None:
        if self.as_json and not self.is_quiet:
            click.echo(progress.to_json(), err=True)
        else:
            self.line(str(progress))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Tell the progress of what runs in the block: a line per step, and on a terminal a bar for what takes long."""
        from dagster_project.runs.progress import listening

        stream = self._stream_of_bars()
        if stream is None or self._bars is not None:
            with listening(self.progress):
                yield
            return
        from dagster_project.cli.terminal.bars import Bars

        bars = Bars(stream)
        with bars.shown(), listening(self.progress, bars.advance):
            self._bars = bars
            try:
                yield
            finally:
                self._bars = None

    def _stream_of_bars(self) -> TextIO | None:
        if not self.tells_people or os.environ.get("TERM") == "dumb":
            return None
        return next((stream for stream in (sys.stdout, sys.stderr) if stream.isatty()), None)

    def result(self, value: Any) -> None:
        """The one JSON document of the command; people have read its lines and tables already."""
        if self.as_json:
            click.echo(json.dumps(value, default=_plain, indent=2))

    def table(self, title: str, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        if not self.tells_people:
            return
        from dagster_project.cli.terminal.tables import console, table_of

        console().print(table_of(title, records, columns))


def with_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its session as the first argument, and the options ``--json`` and ``--quiet``.

    An option or argument ``entity`` or ``system`` is one of the installation's, or the command is not run.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--quiet", "-q", "is_quiet", is_flag=True, help="Print errors alone (with --json: no progress).")
    @click.pass_context
    @functools.wraps(function)
    def command(context: click.Context, /, *arguments: Any, as_json: bool, is_quiet: bool, **options: Any) -> Any:
        session = Session(context.find_root().obj, as_json, is_quiet)
        if isinstance(options.get("entity"), str):
            session.settings.require_entity(options["entity"])
        if isinstance(options.get("system"), str):
            session.settings.destination(options["system"])
        # One id for all that a command asks and records; a run of Dagster that it starts has its own.
        with correlated(uuid4().hex), warnings_as_json() if as_json else nullcontext():
            return function(session, *arguments, **options)

    return command


class _JsonWarning(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"warning": record.getMessage()})


@contextmanager
def warnings_as_json() -> Iterator[None]:
    """What the log tells whoever runs a command is for programs too."""
    handler = logging.lastResort
    if handler is None:
        yield
        return
    before = handler.formatter
    handler.setFormatter(_JsonWarning())
    try:
        yield
    finally:
        handler.setFormatter(before)


def _waits(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[WAITS] = value


waiting = click.option(
    "--wait", is_flag=True, expose_value=False, callback=_waits, help="Wait for a run that is under way, instead of refusing to start another."
)
"""Of commands that run jobs; see ``Session.wait``."""


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Decimal):
        return number(value, is_grouped=False)
    return str(value)
