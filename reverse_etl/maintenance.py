"""When a destination is left alone: windows of its maintenance, as settings say them. Pure; instants are aware of their zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reverse_etl.time_of_day import TimeOfDay

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# More windows than this in a row, and the destination is never open.
MOST_IN_A_ROW = 64


class MaintenanceWindow(BaseModel):
    """A daily window (``start`` and ``end`` in ``time_zone``; past midnight where the end is not after the start), a weekly one (with ``weekday``,
    the day on which it starts), or a single one (``since`` and ``until`` with their offset).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weekday: Weekday | None = None
    start: TimeOfDay | None = None
    end: TimeOfDay | None = None
    time_zone: str = "UTC"
    since: datetime | None = Field(default=None)
    until: datetime | None = None

    @model_validator(mode="after")
    def _whole(self) -> MaintenanceWindow:
        once, repeated = (self.since, self.until), (self.start, self.end)
        if all(once) == all(repeated) or any(once) != all(once) or any(repeated) != all(repeated):
            raise ValueError("a maintenance window has either start and end (times of day), or since and until (one interval)")
        if self.since is not None and self.until is not None:
            if self.weekday is not None:
                raise ValueError("a single maintenance window has no weekday")
            if self.since.tzinfo is None or self.until.tzinfo is None:
                raise ValueError("since and until of a maintenance window say their offset, for example 2026-11-28T22:00:00+01:00")
            if self.since >= self.until:
                raise ValueError(f"a maintenance window ends after it begins: {self.since} to {self.until}")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"time zone {self.time_zone!r} is not known (use a name like Europe/Berlin)") from error
        return self

    def end_at(self, now: datetime) -> datetime | None:
        """The end of the window that ``now`` is in, or None."""
        if self.since is not None and self.until is not None:
            return self.until.astimezone(UTC) if self.since <= now < self.until else None
        assert self.start is not None
        assert self.end is not None
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            if self.weekday is not None and WEEKDAYS[day.weekday()] != self.weekday:
                continue
            began = datetime.combine(day, self.start, zone)
            ends = datetime.combine(day if self.end > self.start else day + timedelta(days=1), self.end, zone)
            # Compared in UTC: times of one zone compare by their face, which an hour that is skipped or repeated deceives.
            if began.astimezone(UTC) <= now.astimezone(UTC) < ends.astimezone(UTC):
                return ends.astimezone(UTC)
        return None


def closed_until(windows: Sequence[MaintenanceWindow], now: datetime) -> datetime | None:
    """When the destination is open again, None when it is now. Windows that touch or overlap count as one."""
    until: datetime | None = None
    for _ in range(MOST_IN_A_ROW):
        ends = [end for window in windows if (end := window.end_at(until or now)) is not None]
        if not ends:
            break
        until = max(ends)
    return until
