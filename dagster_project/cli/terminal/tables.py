"""Tables and paragraphs for people, as wide as the terminal: amounts in units of their currency, at the right, to its last decimal."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from dagster_project.cli.terminal.widths import bands, widths
from dagster_project.quantities import exponents, in_units, number

WIDTH_WITHOUT_TERMINAL = 180
MINOR, FUNCTIONAL = "_minor", "functional_"
INDENT = "  "

# With its currency before it, or what it counts after it.
_NUMBER = re.compile(r"([A-Z]{3} )?[-+]?\d+(,\d{3})*(\.\d+)?(?P<counted> [a-z_]+)?")

Record = Mapping[str, Any]


def console(stream: TextIO | None = None) -> Console:
    """The terminal; where there is none, as wide as COLUMNS says. NO_COLOR and FORCE_COLOR are honoured."""
    target = stream or sys.stdout
    width = None if target.isatty() else int(os.environ.get("COLUMNS") or WIDTH_WITHOUT_TERMINAL)
    return Console(file=target, width=width)


def wrapped(text: str, indent: str = INDENT) -> str:
    """Text as wide as the terminal; no word is broken, so that a name or a file in it can be copied."""
    width = max(len(indent) + 20, console().width)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def table_of(title: str, records: Sequence[Record], columns: Sequence[str]) -> Fitted:
    """Every column of numbers is at the right. ``…_minor`` is shown in units of the record's ``currency`` (``functional_…_minor`` of its
    ``functional_currency``), where every record says one."""
    amounts = {column for column in columns if _are_amounts(records, column)}
    found = []
    for column in columns:
        values = [record.get(column) for record in records]
        numeric = _are_numbers([value for value in values if value is not None])
        name = column.removesuffix(MINOR) if column in amounts else column
        cells = [amount_text(record, column) if column in amounts else _text(record.get(column)) for record in records]
        found.append(_Column(name.replace("_", " "), cells, numeric, numeric and not any(map(_counts, cells))))
    return Fitted(title, found)


@dataclass(frozen=True)
class _Column:
    heading: str
    cells: Sequence[str]
    is_numeric: bool
    is_fixed: bool
    """What a number counts may stand below it; a number and its currency are one."""


@dataclass(frozen=True)
class Fitted:
    """A table that takes the width of what it is printed on; where its columns do not fit in one line, a record takes several."""

    title: str
    columns: Sequence[_Column]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [[column.heading, *column.cells] for column in self.columns]
        fixed = [column.is_fixed for column in self.columns]
        shown = Table(title=Text(self.title), title_justify="left", title_style="bold", header_style="bold")
        # A line before each column and one at the end, and a space on both sides of a cell.
        found = widths(cells, fixed, options.max_width - 3 * len(self.columns) - 1)
        if found is not None:
            for column, width in zip(self.columns, found, strict=True):
                shown.add_column(Text(column.heading), justify="right" if column.is_numeric else "left", overflow="fold", width=width)
            for row in zip(*(column.cells for column in self.columns), strict=True):
                shown.add_row(*map(Text, row))
        else:
            lines = bands(cells, fixed, options.max_width - 4 - len(INDENT), len(INDENT))
            heading, *records = (self._lines(row, lines) for row in zip(*cells, strict=True))
            shown.add_column(Text(heading), overflow="fold")
            shown.show_lines = len(lines) > 2
            for record in records:
                shown.add_row(Text(record))
        yield shown

    def _lines(self, row: Sequence[str], lines: Sequence[Sequence[tuple[int, int]]]) -> str:
        """One record, its columns below each other in as many lines as it takes."""
        told = []
        for band, line in enumerate(lines):
            folded = [textwrap.wrap(row[index], width, break_on_hyphens=False) for index, width in line]
            for parts in zip_longest(*folded, fillvalue=""):
                cells = [
                    part.rjust(width) if self.columns[index].is_numeric else part.ljust(width)
                    for part, (index, width) in zip(parts, line, strict=True)
                ]
                told.append((INDENT * (band > 0) + INDENT.join(cells)).rstrip())
        return "\n".join(told)


def show(title: str, records: Sequence[Record], columns: Sequence[str]) -> None:
    console().print(table_of(title, records, columns))


def amount_text(record: Record, column: str) -> str:
    """An amount in minor units as one in units: 120050 of USD is 1,200.50."""
    value = record.get(column)
    return "" if value is None else units(value, exponents()[str(record[_currency_column(column)])])


def units(minor: int, exponent: int) -> str:
    return number(in_units(minor, exponent), exponent)


def _currency_column(column: str) -> str:
    return "functional_currency" if column.startswith(FUNCTIONAL) else "currency"


def _are_amounts(records: Sequence[Record], column: str) -> bool:
    if not column.endswith(MINOR):
        return False
    told = [record for record in records if record.get(column) is not None]
    return all(isinstance(record[column], int) and str(record.get(_currency_column(column))) in exponents() for record in told)


def _are_numbers(values: Sequence[Any]) -> bool:
    """Texts may be exact numbers too, as JSON has them; where none of them has a point or a unit they are rather keys."""
    texts = [value for value in values if isinstance(value, str)]
    if not all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values if not isinstance(value, str)):
        return False
    return bool(values) and all(map(_NUMBER.fullmatch, texts)) and (len(texts) < len(values) or any("." in text or " " in text for text in texts))


def _counts(cell: str) -> bool:
    found = _NUMBER.fullmatch(cell)
    return found is not None and found["counted"] is not None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return number(value)
    return str(value)
