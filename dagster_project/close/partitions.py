"""What a close is of: one legal entity and one accounting period, and the days of landing that belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reverse_etl.close_calendar import CloseCalendar
from reverse_etl.errors import ConfigurationError

PERIOD = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
FIRST_LANDING_DAYS_BEFORE = 7


@dataclass(frozen=True, slots=True)
class CloseKey:
    entity: str
    period: str

    @property
    def partition_key(self) -> str:
        """As Dagster writes a partition of two dimensions: their keys in the order of the dimensions' names."""
        return f"{self.entity}|{self.period}"


def first_day(period: str) -> date:
    """Raises ``ConfigurationError`` for anything but YYYY-MM."""
    match = PERIOD.fullmatch(period)
    if not match:
        raise ConfigurationError(f"period {period!r} is not YYYY-MM, such as 2026-01")
    return date(int(match[1]), int(match[2]), 1)


def first_day_after(period: str) -> date:
    return (first_day(period) + timedelta(days=31)).replace(day=1)


def require_ended(close_of: CloseKey, calendar: CloseCalendar, now: datetime) -> None:
    """Raises ``ConfigurationError`` for a period that still runs at ``now`` (aware) where its legal entity is: its drafts must not be sealed."""
    period, zone = close_of.period, calendar.zone(close_of.entity)
    if now.astimezone(zone).date() < first_day_after(period):
        raise ConfigurationError(
            f"{period} has not ended for {close_of.entity} ({zone.key}); 'tieout bill {period}' invoices what reached a threshold until it has"
        )


def first_landing_day(first_period: str) -> date:
    """Reference data is delivered in the days before the first period."""
    return first_day(first_period) - timedelta(days=FIRST_LANDING_DAYS_BEFORE)
