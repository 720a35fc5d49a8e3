"""The templates of the pages, and what they write of amounts, times and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from dagster_project.checklist.step import Money
from dagster_project.close.steps import Checkpoint
from dagster_project.quantities import HEADLINES, quantity


def month_name(period: str) -> str:
    """``2026-03`` as March 2026."""
    return f"{date.fromisoformat(f'{period}-01'):%B %Y}"


def amount(money: Money) -> str:
    """The number alone, with the decimals of its currency."""
    return str(money).removeprefix(f"{money.currency} ")


def signed(money: Money) -> str:
    return f"+{amount(money)}" if money.minor > 0 else amount(money)


def age(since: timedelta | None) -> str:
    if since is None:
        return "unknown"
    hours, minutes = int(since.total_seconds() // 3600), int(since.total_seconds() // 60) % 60
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "never"


def plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def words(name: str) -> str:
    return name.replace("_", " ")


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def page(template: str, **context: object) -> str:
    return environment().get_template(template).render(**context)


@cache
def environment() -> Environment:
    """Everything is escaped but the charts, which escape what they are given."""
    made = Environment(
        loader=PackageLoader("dagster_project.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        amount=amount,
        signed=signed,
        age=age,
        moment=moment,
        words=words,
        plural=plural,
        quantity=_quantity,
        by_checkpoint=_by_checkpoint,
        titled=_titled,
    )
    return made


def _quantity(value: str | None, unit: str, exponents: Mapping[str, int]) -> str:
    return "absent" if value is None else quantity(value, unit, exponents)


def _by_checkpoint(found: Sequence[Checkpoint]) -> list[tuple[str, list[Checkpoint], list[Checkpoint]]]:
    """Each with all of its measures, and with those that a reader wants to see first, and what breaks."""
    ordered = sorted(found, key=lambda one: int(one.checkpoint[1:]))
    grouped = [(name, list(rows)) for name, rows in groupby(ordered, key=lambda one: one.checkpoint)]
    return [(name, rows, [row for row in rows if row.measure == HEADLINES.get(name) or not row.tied]) for name, rows in grouped]


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]
