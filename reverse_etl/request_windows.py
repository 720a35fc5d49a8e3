"""How many requests a destination takes within a day or another window. Pure; times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reverse_etl.time_of_day import TimeOfDay

DAY_SECONDS = 86_400.0
# A rolling window forgets by parts of it.
PARTS = 24


class RequestWindow(BaseModel):
    """At most ``requests`` within any ``seconds`` (default: a day), or, with ``resets_at``, within a day that begins at that time of a zone.

    A rolling window forgets a twenty-fourth at a time: it may allow a little less than the destination would, never more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: int = Field(gt=0)
    seconds: float = Field(default=DAY_SECONDS, gt=0)
    resets_at: TimeOfDay | None = None
    time_zone: str = "UTC"

    @model_validator(mode="after")
    def _known_zone(self) -> RequestWindow:
        if self.resets_at is not None and self.seconds != DAY_SECONDS:
            raise ValueError("a request window that resets at a time of day is a day long; leave seconds out")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"time zone {self.time_zone!r} is not known (use a name like Europe/Berlin)") from error
        return self

    @property
    def name(self) -> str:
        return f"{self.seconds:g}s" if self.resets_at is None else f"day from {self.resets_at:%H:%M} {self.time_zone}"

    @property
    def counted_parts(self) -> int:
        # One more than the window has: what was counted late in the oldest is still within the window.
        return PARTS + 1 if self.resets_at is None else 1

    def part(self, now: float) -> int:
        """The part of time that ``now`` is in: a day's number, or a fraction of the window's."""
        if self.resets_at is None:
            return int(now / (self.seconds / PARTS))
        local = datetime.fromtimestamp(now, ZoneInfo(self.time_zone))
        return local.date().toordinal() - (local.time() < self.resets_at)

    def forgotten_at(self, part: int) -> float:
        """When what was counted in a part no longer counts."""
        if self.resets_at is None:
            return (part + self.counted_parts) * (self.seconds / PARTS)
        following = datetime.fromordinal(part).date() + timedelta(days=1)
        return datetime.combine(following, self.resets_at, ZoneInfo(self.time_zone)).astimezone(UTC).timestamp()


@dataclass(slots=True)
class WindowUse:
    """What one window has counted: part of time -> requests."""

    counted: dict[int, int] = field(default_factory=dict)

    def used(self, window: RequestWindow, now: float) -> int:
        self._settle(window, now)
        return sum(self.counted.values())

    def free_at(self, window: RequestWindow, now: float) -> float | None:
        """When a request is allowed again; None when one is now."""
        surplus = self.used(window, now) - window.requests
        if surplus < 0:
            return None
        for part in sorted(self.counted):
            surplus -= self.counted[part]
            if surplus < 0:
                return window.forgotten_at(part)
        return window.forgotten_at(window.part(now))

    def count(self, window: RequestWindow, now: float) -> None:
        part = window.part(now)
        self.counted[part] = self.counted.get(part, 0) + 1

    def _settle(self, window: RequestWindow, now: float) -> None:
        """Forget what no longer counts. What a clock that ran ahead has counted is of now: it is forgotten within one window at most."""
        part = window.part(now)
        for ahead in [key for key in self.counted if key > part]:
            self.counted[part] = self.counted.get(part, 0) + self.counted.pop(ahead)
        for past in [key for key in self.counted if key <= part - window.counted_parts]:
            del self.counted[past]
