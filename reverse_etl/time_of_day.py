"""A time of day as people write it in a settings file."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

MINUTES_PER_HOUR, MINUTES_PER_DAY = 60, 1440


def _from_minutes(value: object) -> object:
    """YAML 1.1 reads ``18:30`` without quotes as the number 1110, in base 60, which would be taken for seconds after midnight."""
    if isinstance(value, int):
        if not MINUTES_PER_HOUR <= value < MINUTES_PER_DAY:
            raise ValueError(f"{value} is no time of day; write it as HH:MM, in quotes")
        return time(value // MINUTES_PER_HOUR, value % MINUTES_PER_HOUR)
    return value


def _without_zone(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError(f"{value} has an offset; the time zone is a setting of its own")
    return value


TimeOfDay = Annotated[time, BeforeValidator(_from_minutes), AfterValidator(_without_zone)]
