"""A period ends when its last day does where its legal entity is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dagster_project.close.partitions import CloseKey, require_ended
from reverse_etl.close_calendar import CloseCalendar, EntityCalendar
from reverse_etl.errors import ConfigurationError

CALENDAR = CloseCalendar(entities={"nz": EntityCalendar(time_zone="Pacific/Auckland"), "us": EntityCalendar(time_zone="America/Los_Angeles")})


@pytest.mark.parametrize(
    ("entity", "last_moment"),
    [
        ("nz", datetime(2026, 1, 31, 10, 59, 59, tzinfo=UTC)),
        ("elsewhere", datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)),
        ("us", datetime(2026, 2, 1, 7, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_period_ends_at_midnight_of_its_legal_entity(entity: str, last_moment: datetime) -> None:
    with pytest.raises(ConfigurationError, match=f"2026-01 has not ended for {entity}"):
        require_ended(CloseKey(entity, "2026-01"), CALENDAR, last_moment)
    require_ended(CloseKey(entity, "2026-01"), CALENDAR, datetime.fromtimestamp(last_moment.timestamp() + 1, UTC))
