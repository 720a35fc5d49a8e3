"""When the steps of a close are due, by legal entity, and when the close of a period starts by itself. Pure; instants are aware of their zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reverse_etl.maintenance import WEEKDAYS, Weekday
from reverse_etl.time_of_day import TimeOfDay

CloseStep = Literal[
    "usage_landed",
    "reference_data",
    "billing_sealed",
    "billing_delivered",
    "platform_read",
    "journals_sealed",
    "journals_delivered",
    "read_back",
    "checkpoints_tie",
    "soft_closed",
    "approvals_decided",
    "signed_off",
    "hard_closed",
]
CLOSE_STEPS: tuple[CloseStep, ...] = get_args(CloseStep)
"""The steps of a close in their order."""


class WorkingDay(BaseModel):
    """A time of day on the ``working_day``-th working day after the end of a period; the first is 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    working_day: int = Field(ge=1, le=60)
    at: TimeOfDay = time(18, 0)


START = WorkingDay(working_day=1, at=time(6, 0))
DUE: dict[CloseStep, WorkingDay] = {
    "usage_landed": WorkingDay(working_day=1, at=time(12, 0)),
    "reference_data": WorkingDay(working_day=2, at=time(12, 0)),
    "billing_sealed": WorkingDay(working_day=2),
    "billing_delivered": WorkingDay(working_day=2),
    "platform_read": WorkingDay(working_day=3, at=time(12, 0)),
    "journals_sealed": WorkingDay(working_day=3),
    "journals_delivered": WorkingDay(working_day=3),
    "read_back": WorkingDay(working_day=3),
    "checkpoints_tie": WorkingDay(working_day=4, at=time(12, 0)),
    "soft_closed": WorkingDay(working_day=4),
    "approvals_decided": WorkingDay(working_day=5, at=time(12, 0)),
    "signed_off": WorkingDay(working_day=5),
    "hard_closed": WorkingDay(working_day=8),
}
"""What holds for every step of which the settings say nothing, unless a step before it is due later."""


class EntityCalendar(BaseModel):
    """What differs for one legal entity; what is not said is as for all. ``holidays`` replace those for all, ``due`` step by step."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: str | None = None
    weekend: tuple[Weekday, ...] | None = None
    holidays: frozenset[date] | None = None
    starts: WorkingDay | None = None
    starts_by_itself: bool | None = None
    due: dict[CloseStep, WorkingDay] = Field(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return name if name is None else _known_zone(name)

    @field_validator("weekend")
    @classmethod
    def _works(cls, weekend: tuple[Weekday, ...] | None) -> tuple[Weekday, ...] | None:
        return weekend if weekend is None else _some_work(weekend)


class CloseCalendar(BaseModel):
    """The calendar of the close: for all legal entities, and under ``entities`` what differs for one.

    A period ends with its last day; working days after it are all but those of ``weekend`` and ``holidays``. Times are of ``time_zone``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: str = "UTC"
    weekend: tuple[Weekday, ...] = ("saturday", "sunday")
    holidays: frozenset[date] = frozenset()
    starts: WorkingDay = START
    starts_by_itself: bool = True
    due: dict[CloseStep, WorkingDay] = Field(default_factory=dict)
    entities: dict[str, EntityCalendar] = Field(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        return _known_zone(name)

    @field_validator("weekend")
    @classmethod
    def _works(cls, weekend: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        return _some_work(weekend)

    @model_validator(mode="after")
    def _in_order(self) -> CloseCalendar:
        for entity in ("", *self.entities):
            for (step, earlier), (following, later) in pairwise((step, self._due(entity, step)) for step in CLOSE_STEPS):
                if _order(later) < _order(earlier):
                    where = f"entities.{entity}.due.{following}" if entity else f"due.{following}"
                    raise ValueError(
                        f"{where}: {_spelled(later)} is before {_spelled(earlier)}, when the step before it ({step}) is due; move one of the two"
                    )
        return self

    def zone(self, entity: str) -> ZoneInfo:
        return ZoneInfo(self._of(entity).time_zone or self.time_zone)

    def working_day(self, entity: str, period: str, number: int) -> date:
        """The ``number``-th (1, 2, ...) working day after the last day of ``period`` (YYYY-MM)."""
        chosen = self._of(entity)
        weekend = self.weekend if chosen.weekend is None else chosen.weekend
        holidays = self.holidays if chosen.holidays is None else chosen.holidays
        day = _last_day(period)
        while number > 0:
            day += timedelta(days=1)
            number -= WEEKDAYS[day.weekday()] not in weekend and day not in holidays
        return day

    def due_at(self, entity: str, period: str, step: CloseStep) -> datetime:
        """When ``step`` of the close of ``period`` is due, in the entity's time zone; at most that late is on time."""
        return self._instant(entity, period, self._due(entity, step))

    def starts_at(self, entity: str, period: str) -> datetime | None:
        """When the close of ``period`` starts by itself, in the entity's time zone; None where people start it."""
        chosen = self._of(entity)
        by_itself = self.starts_by_itself if chosen.starts_by_itself is None else chosen.starts_by_itself
        return self._instant(entity, period, chosen.starts or self.starts) if by_itself else None

    def started(self, entity: str, now: datetime) -> str | None:
        """The last period whose close should have started by itself at ``now`` (aware); None where people start it."""
        period = f"{now.astimezone(self.zone(entity)):%Y-%m}"
        while True:
            starts = self.starts_at(entity, period)
            if starts is None or starts.astimezone(UTC) <= now.astimezone(UTC):
                return None if starts is None else period
            period = _period_before(period)

    def _of(self, entity: str) -> EntityCalendar:
        return self.entities.get(entity) or EntityCalendar()

    def _due(self, entity: str, step: CloseStep) -> WorkingDay:
        """What is said of the step; else its default, or the time of the step before it where that is later."""
        said = self._of(entity).due.get(step) or self.due.get(step)
        if said is not None or step == CLOSE_STEPS[0]:
            return said or DUE[step]
        return max(DUE[step], self._due(entity, CLOSE_STEPS[CLOSE_STEPS.index(step) - 1]), key=_order)

    def _instant(self, entity: str, period: str, when: WorkingDay) -> datetime:
        zone = self.zone(entity)
        local = datetime.combine(self.working_day(entity, period, when.working_day), when.at, zone)
        # By way of UTC: a time that the clock skips in spring becomes the one that it shows instead.
        return local.astimezone(UTC).astimezone(zone)


def _last_day(period: str) -> date:
    first = date.fromisoformat(f"{period}-01")
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _period_before(period: str) -> str:
    return f"{date.fromisoformat(f'{period}-01') - timedelta(days=1):%Y-%m}"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"time zone {name!r} is not known (use a name like Europe/Berlin)") from error
    return name


def _some_work(weekend: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if set(weekend) == set(WEEKDAYS):
        raise ValueError("a weekend of seven days leaves no working day")
    return weekend


def _order(when: WorkingDay) -> tuple[int, time]:
    return when.working_day, when.at


def _spelled(when: WorkingDay) -> str:
    return f"working day {when.working_day}, {when.at:%H:%M}"
