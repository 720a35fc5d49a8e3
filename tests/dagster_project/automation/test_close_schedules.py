"""A close starts by the calendar of its legal entity: on its working day, in its time zone, once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.close.partitions import CloseKey
from dagster_project.defs.automation.schedules import close_due, close_schedule, landing_schedule, progressive_billing_schedule, schedules
from reverse_etl.settings import Settings

CALENDAR = {
    "time_zone": "UTC",
    "starts": {"working_day": 2, "at": "05:30"},
    "entities": {
        "eu": {"time_zone": "Europe/Berlin", "holidays": ["2026-05-01"], "starts": {"working_day": 1, "at": "06:00"}},
        "jp": {"starts_by_itself": False},
    },
}
SETTINGS = Settings(home=Path("/nowhere"), entities=("us", "eu", "jp"), first_period="2026-01", calendar=CALENDAR)  # type: ignore[arg-type]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def tick(schedule: dg.ScheduleDefinition | None, text: str) -> Any:
    """What a tick asks for, or why it asks for nothing."""
    assert schedule is not None
    told = schedule(dg.build_schedule_context(scheduled_execution_time=at(text)))
    return told.skip_message if isinstance(told, dg.SkipReason) else told


def test_each_legal_entity_has_its_own_schedule_in_its_time_zone_unless_people_start_its_closes() -> None:
    shown = {one.name: (one.cron_schedule, one.execution_timezone) for one in schedules(SETTINGS)}
    assert shown["monthly_close_us"] == ("30 5 * * *", "UTC")
    assert shown["monthly_close_eu"] == ("0 6 * * *", "Europe/Berlin")
    assert "monthly_close_jp" not in shown
    assert close_due(SETTINGS, "jp", at("2026-02-03T12:00")) == "people start the closes of jp (calendar.starts_by_itself)"


def test_a_close_starts_on_its_working_day_and_on_no_other() -> None:
    # 2026-02-01 is a Sunday: the second working day is Tuesday the 3rd.
    schedule = close_schedule(SETTINGS, "us")
    request = tick(schedule, "2026-02-03T05:30")
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == ("us|2026-01", "us|2026-01")
    assert tick(schedule, "2026-02-02T05:30") == "2025-12 is before the first period 2026-01 of this installation"
    assert tick(schedule, "2026-02-04T05:30") == "the close of 2026-01 of us started on 2026-02-03 05:30 UTC"


def test_holidays_and_the_clock_are_those_of_the_legal_entity() -> None:
    # May 1st is a holiday, the 2nd and 3rd a weekend; in summer Berlin is two hours ahead.
    assert close_due(SETTINGS, "eu", at("2026-05-04T04:00")) == CloseKey("eu", "2026-04")
    assert isinstance(close_due(SETTINGS, "eu", at("2026-05-01T04:00")), str)
    assert close_due(SETTINGS, "eu", at("2026-02-02T05:00")) == CloseKey("eu", "2026-01")


def test_the_night_lands_the_day_before_and_bills_what_reached_a_threshold_for_each_legal_entity() -> None:
    request = tick(landing_schedule(SETTINGS), "2026-02-03T01:00")
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-02-02"
    assert "before the first day" in str(tick(landing_schedule(SETTINGS), "2025-06-01T01:00"))
    billed = tick(progressive_billing_schedule(SETTINGS), "2026-03-01T03:00")
    assert [one.partition_key for one in billed] == ["us|2026-02", "eu|2026-02", "jp|2026-02"]
