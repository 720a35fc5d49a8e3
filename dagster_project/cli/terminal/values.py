"""The values that a shell completes. Read from files, so that a key press waits for no Dagster, no models of settings and no writer."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

# As in the settings, which a test compares.
DEFAULT_ENTITIES = ("northlight_us", "northlight_eu")
DEFAULT_DESTINATIONS = ("stripe", "tryton")
DEFAULT_FIRST_PERIOD = "2026-01"
MOST = 200
WAIT_SECONDS = 0.1

EXCEPTIONS = """
    select cast(exceptions.position as text), kind || ' of ' || subject from exceptions
    left join resolutions on resolutions.exception_position = exceptions.position
    where resolutions.position is null order by exceptions.position desc limit ?
"""
REQUESTS = """
    select request_id, kind || ' of ' || subject from approval_requests
    where not exists (select 1 from verdicts where verdicts.request_position = approval_requests.position) order by position desc limit ?
"""
INVOICES = "select number, document_type || ' of ' || entity || ', ' || period from documents where number is not null order by position desc limit ?"
UNDELIVERED = """
    select documents.reference, documents.business_key || ' is ' || deliveries.state from documents
    join deliveries on deliveries.document_position = documents.position
    where deliveries.state in ('rejected', 'parked', 'ambiguous') order by documents.position desc limit ?
"""
JOURNALS = "select reference, business_key from documents where document_type = 'journal_entry' order by position desc limit ?"


@dataclass(frozen=True)
class Values:
    """What an installation has that a command may be given. A file that is absent, or is no such file, has nothing."""

    home: Path

    @cached_property
    def settings(self) -> dict[str, Any]:
        import yaml

        try:
            content = yaml.load((self.home / "tieout.yaml").read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        return content if isinstance(content, dict) else {}

    def entities(self) -> list[CompletionItem]:
        return [CompletionItem(str(name)) for name in self.settings.get("entities") or DEFAULT_ENTITIES]

    def destinations(self) -> list[CompletionItem]:
        return [CompletionItem(str(name)) for name in self.settings.get("destinations") or DEFAULT_DESTINATIONS]

    def periods(self) -> list[CompletionItem]:
        """From the first period to the one that runs, the latest first."""
        found: list[CompletionItem] = []
        first, month = str(self.settings.get("first_period") or DEFAULT_FIRST_PERIOD), date.today().replace(day=1)
        while f"{month:%Y-%m}" >= first and len(found) < MOST:
            found.append(CompletionItem(f"{month:%Y-%m}"))
            month = date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
        return found

    def queries(self) -> list[CompletionItem]:
        from dagster_project.cli.reading.ready_queries import ready_queries

        return [CompletionItem(query.name, help=query.question) for query in ready_queries().values()]

    def registered(self, statement: str) -> list[CompletionItem]:
        """Two columns of the register, the value and what it is; nothing where it is kept in PostgreSQL."""
        if "TIEOUT_REGISTER_URL" in os.environ:
            return []
        try:
            with closing(sqlite3.connect(f"file:{self.home / 'register.sqlite'}?mode=ro", uri=True, timeout=WAIT_SECONDS)) as register:
                return [CompletionItem(value, help=told) for value, told in register.execute(statement, (MOST,)).fetchall()]
        except sqlite3.Error:
            return []


Completer = Callable[[Values], Sequence[CompletionItem]]

# By the name of a parameter, in every command; with a command before it, there alone.
COMPLETERS: dict[str, Completer] = {
    "period": Values.periods,
    "entity": Values.entities,
    "system": Values.destinations,
    "destination": Values.destinations,
    "destinations check name": Values.destinations,
    "destinations mode name": Values.destinations,
    "exceptions show identifier": lambda values: values.registered(EXCEPTIONS),
    "exceptions retry identifier": lambda values: values.registered(EXCEPTIONS),
    "exceptions resolve identifier": lambda values: values.registered(EXCEPTIONS),
    "approve identifier": lambda values: values.registered(REQUESTS),
    "reject identifier": lambda values: values.registered(REQUESTS),
    "trace identifier": lambda values: values.registered(INVOICES),
    "invoice": lambda values: values.registered(INVOICES),
    "replay documents": lambda values: values.registered(UNDELIVERED),
    "query name": Values.queries,
    "repost reference": lambda values: values.registered(JOURNALS),
}


def complete_values(command: click.Command, path: str = "") -> None:
    """Give every parameter of a command, and of the commands below it, what completes it."""
    name = f"{path} {command.name}".strip()
    for parameter in command.params:
        completer = COMPLETERS.get(f"{name} {parameter.name}") or COMPLETERS.get(str(parameter.name))
        if completer is not None and parameter._custom_shell_complete is None:
            parameter._custom_shell_complete = _completing(completer)
    for child in getattr(command, "commands", {}).values():
        complete_values(child, name)


def _completing(completer: Completer) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = completer(Values(home_of(context)))
        return [item for item in found if str(item.value).startswith(incomplete)]

    return complete


def home_of(context: click.Context) -> Path:
    """The home folder of a command line that is still being written."""
    return Path(context.find_root().params.get("home") or os.environ.get("TIEOUT_HOME") or ".tieout")
