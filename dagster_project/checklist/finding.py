"""What is found of one step, before its place among the others is looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeAlias

from dagster_project.checklist.standing import DocumentGroup, Standing
from dagster_project.checklist.step import Blocker, Evidence, Money
from dagster_project.quantities import counted
from reverse_etl.close_calendar import CloseStep


@dataclass(frozen=True, slots=True)
class Moment:
    """``since``: what was done before does not count (the end of the period, or when it was reopened)."""

    last_day: date
    has_ended: bool
    since: datetime
    was_reopened: bool


@dataclass(frozen=True, slots=True)
class Finding:
    is_done: bool
    evidence: tuple[Evidence, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    done_at: datetime | None = None


Found: TypeAlias = Mapping[CloseStep, Finding]


def is_closed(standing: Standing) -> bool:
    """Soft or hard: everything up to the checkpoints was done then, and what was left out is carried into the next period."""
    return standing.status != "open"


def is_billing(standing: Standing, system: str) -> bool:
    return system == standing.billing


def delivered_groups(standing: Standing, billing: bool) -> list[DocumentGroup]:
    return [group for group in standing.documents if is_billing(standing, group.system) == billing]


def summed(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """By currency, without those that are nothing."""
    totals: defaultdict[tuple[str, int], int] = defaultdict(int)
    for amount in amounts:
        totals[amount.currency, amount.exponent] += amount.minor
    return tuple(Money(minor, currency, exponent) for (currency, exponent), minor in sorted(totals.items()) if minor)


def totalled(document_type: str, count: int, amounts: Iterable[Money]) -> str:
    """``2 credit memos (JPY 7, USD 1.00)``."""
    total = ", ".join(map(str, summed(amounts)))
    return counted(count, document_type.replace("_", " ")) + (f" ({total})" if total else "")


def close_command(standing: Standing) -> str:
    return f"tieout close {standing.period} --entity {standing.entity}"


def told(moment: datetime) -> str:
    """An instant to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
