"""SuiteQL queries: SQL on the tables of the store, read-only and bounded, with the answers' peculiarities."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from reverse_etl.sandbox.netsuite.errors import NetSuiteError, invalid_content
from reverse_etl.sandbox.netsuite.store import SUITEQL_TABLES

DEFAULT_LIMIT = LARGEST_LIMIT = 1000
MOST_ROWS = 100_000
_MOST_STEPS = 20_000_000
_FORMATS = {"YYYY-MM-DD": "%Y-%m-%d", "MM/DD/YYYY": "%m/%d/%Y", "YYYY-MM-DD HH24:MI:SS": "%Y-%m-%d %H:%M:%S"}
# ``transaction`` is a word of SQLite's own; a text or a quoted name is left alone.
_WORDS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\btransaction\b", re.IGNORECASE)


class DecimalSum:
    """SQL's sum, of exact decimal texts."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, value: Any) -> None:
        if value is not None:
            with suppress(InvalidOperation):
                self._total = (self._total or Decimal(0)) + Decimal(str(value))

    def finalize(self) -> str | None:
        return None if self._total is None else format(self._total, "f")


def run(path: Path | str, query: str, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    """A page of rows, every value a text and every null left out, and how many rows there are.

    Raises:
        NetSuiteError: it is no query that can be run, or finds too many rows.
    """
    with _reading(path) as connection:
        try:
            cursor = connection.execute(_WORDS.sub(_quoted, query.strip().rstrip(";")))
            if cursor.description is None:
                raise sqlite3.OperationalError("only SELECT statements are supported")
            names = [str(column[0]).lower() for column in cursor.description]
            found = cursor.fetchmany(MOST_ROWS + 1)
        except (sqlite3.Error, sqlite3.Warning) as error:
            detail = f"Invalid search query. Detailed unprocessed description follows. Search error occurred: {error}."
            raise NetSuiteError(400, "INVALID_PARAMETER", detail) from error
    if len(found) > MOST_ROWS:
        raise invalid_content(f"The query finds more than {MOST_ROWS} results.")
    rows: list[dict[str, Any]] = [
        {"links": []} | {name: _text(value) for name, value in zip(names, row, strict=True) if value is not None}
        for row in found[offset : offset + limit]
    ]
    return rows, len(found)


class _reading:  # noqa: N801
    """A connection that can only read SuiteQL's tables, with its functions, and that gives up after so many steps."""

    def __init__(self, path: Path | str) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, detect_types=sqlite3.PARSE_DECLTYPES)

    def __enter__(self) -> sqlite3.Connection:
        connection = self._connection
        connection.create_function("to_char", 2, _to_char, deterministic=True)
        connection.create_function("to_date", 2, _to_date, deterministic=True)
        connection.create_aggregate("sum", 1, DecimalSum)  # type: ignore[arg-type]
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(lambda: 1, _MOST_STEPS)
        return connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE):
        # These could use up memory without a step.
        return sqlite3.SQLITE_DENY if second in ("randomblob", "zeroblob", "printf", "format", "load_extension", "replace") else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action == sqlite3.SQLITE_READ and (first or "").lower() in SUITEQL_TABLES else sqlite3.SQLITE_DENY


def _quoted(match: re.Match[str]) -> str:
    word = match.group()
    return word if word[0] in "'\"" else f'"{word}"'


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _to_char(value: Any, form: Any) -> str | None:
    if value is None:
        return None
    return datetime.fromisoformat(str(value)).strftime(_FORMATS[str(form).upper()])


def _to_date(value: Any, form: Any) -> str | None:
    if value is None:
        return None
    if str(form).upper() == "YYYY-MM-DD" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)):
        return str(value)
    raise ValueError(f"TO_DATE of {value!r} as {form!r}")


def _shown_date(stored: bytes) -> str:
    """As the preference "Date Format" of a new account has it."""
    year, month, day = stored.decode()[:10].split("-")
    return f"{int(month)}/{int(day)}/{year}"


sqlite3.register_converter("suitedate", _shown_date)
