"""When the steps of a close are due: working days, holidays, zones, the turn of the year, and what the settings refuse."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.close_calendar import CLOSE_STEPS, CloseCalendar
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings, load_settings

ENTITY = "northlight_eu"
periods = st.dates(date(2020, 1, 1), date(2035, 12, 1)).map(lambda day: f"{day:%Y-%m}")
zones = st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "America/Sao_Paulo", "Pacific/Apia"))


def calendar(**fields: object) -> CloseCalendar:
    return CloseCalendar.model_validate(fields)


def settings_error(home: Path, text: str) -> str:
    (home / "tieout.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(home)
    return str(caught.value)


@given(period=periods, number=st.integers(1, 60), holidays=st.frozensets(st.dates(date(2020, 1, 1), date(2036, 3, 1)), max_size=30))
def test_the_nth_working_day_has_n_minus_one_working_days_between_it_and_the_end_of_the_period(
    period: str, number: int, holidays: frozenset[date]
) -> None:
    found = calendar(holidays=holidays).working_day(ENTITY, period, number)
    end = date.fromisoformat(f"{period}-28") + timedelta(days=4)
    first = end.replace(day=1)
    days = [first + timedelta(days=offset) for offset in range((found - first).days + 1)]
    working = [day for day in days if day.weekday() < 5 and day not in holidays]
    assert len(working) == number
    assert working[-1] == found


@given(period=periods, zone=zones)
def test_steps_are_due_in_their_order_after_the_period_and_in_the_time_zone_of_the_entity(period: str, zone: str) -> None:
    due = [calendar(entities={ENTITY: {"time_zone": zone}}).due_at(ENTITY, period, step) for step in CLOSE_STEPS]
    assert all(moment.tzinfo == ZoneInfo(zone) for moment in due)
    assert all(f"{moment:%Y-%m}" > period for moment in due)
    assert all(earlier.astimezone(UTC) <= later.astimezone(UTC) for earlier, later in pairwise(due))


@given(period=periods, zone=zones, hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_the_close_that_should_have_started_is_the_last_one_whose_start_has_passed(period: str, zone: str, hour: int, minute: int) -> None:
    chosen = calendar(time_zone=zone, starts={"working_day": 2, "at": f"{hour:02}:{minute:02}"})
    starts = chosen.starts_at(ENTITY, period)
    assert starts is not None
    assert chosen.started(ENTITY, starts) == period
    before = chosen.started(ENTITY, starts.astimezone(UTC) - timedelta(seconds=1))
    assert before is not None
    assert before < period


def test_a_month_whose_first_day_is_a_holiday_begins_to_count_after_it() -> None:
    plain, new_year = calendar(), calendar(holidays=["2026-01-01"])
    assert plain.working_day(ENTITY, "2025-12", 1) == date(2026, 1, 1)
    assert new_year.working_day(ENTITY, "2025-12", 1) == date(2026, 1, 2)
    assert new_year.working_day(ENTITY, "2025-12", 2) == date(2026, 1, 5)


def test_holidays_of_an_entity_replace_those_for_all() -> None:
    chosen = calendar(holidays=["2026-05-01"], entities={ENTITY: {"holidays": ["2026-05-04"]}})
    assert chosen.working_day("northlight_us", "2026-04", 1) == date(2026, 5, 4)
    assert chosen.working_day(ENTITY, "2026-04", 1) == date(2026, 5, 1)
    assert chosen.working_day(ENTITY, "2026-04", 2) == date(2026, 5, 5)


def test_a_weekend_of_other_days_is_kept() -> None:
    chosen = calendar(weekend=["friday", "saturday"])
    # 1 May 2026 is a Friday.
    assert chosen.working_day(ENTITY, "2026-04", 1) == date(2026, 5, 3)


def test_due_steps_of_an_entity_replace_single_steps_for_all() -> None:
    chosen = calendar(
        due={"soft_closed": {"working_day": 4, "at": "20:00"}}, entities={ENTITY: {"due": {"signed_off": {"working_day": 6, "at": "09:30"}}}}
    )
    assert chosen.due_at(ENTITY, "2026-01", "soft_closed") == datetime(2026, 2, 5, 20, 0, tzinfo=UTC)
    assert chosen.due_at(ENTITY, "2026-01", "signed_off") == datetime(2026, 2, 9, 9, 30, tzinfo=UTC)
    assert chosen.due_at("northlight_us", "2026-01", "signed_off") == datetime(2026, 2, 6, 18, 0, tzinfo=UTC)


def test_a_step_that_is_due_later_takes_along_those_after_it_of_which_nothing_is_said() -> None:
    chosen = calendar(due={"checkpoints_tie": {"working_day": 6, "at": "10:00"}})
    due = [chosen.due_at(ENTITY, "2026-01", step) for step in ("read_back", "checkpoints_tie", "soft_closed", "signed_off", "hard_closed")]
    assert [f"{moment:%d %H:%M}" for moment in due] == ["04 18:00", "09 10:00", "09 10:00", "09 10:00", "11 18:00"]


def test_a_time_that_the_clock_skips_is_the_one_it_shows_instead() -> None:
    # Berlin's clock goes from 02:00 to 03:00 on Sunday 29 March 2026.
    chosen = calendar(time_zone="Europe/Berlin", weekend=[], due={"usage_landed": {"working_day": 29, "at": "02:30"}})
    assert chosen.due_at(ENTITY, "2026-02", "usage_landed").isoformat() == "2026-03-29T03:30:00+02:00"


def test_an_hour_that_comes_twice_is_meant_the_first_time() -> None:
    chosen = calendar(time_zone="Europe/Berlin", weekend=[], starts={"working_day": 25, "at": "02:30"})
    starts = chosen.starts_at(ENTITY, "2026-09")
    assert starts is not None
    assert starts.isoformat() == "2026-10-25T02:30:00+02:00"


def test_people_start_the_close_where_the_calendar_says_so() -> None:
    chosen = calendar(entities={ENTITY: {"starts_by_itself": False}})
    now = datetime(2026, 5, 20, tzinfo=UTC)
    assert chosen.starts_at(ENTITY, "2026-04") is None
    assert chosen.started(ENTITY, now) is None
    assert chosen.started("northlight_us", now) == "2026-04"


def test_an_installation_that_says_nothing_has_a_calendar(tmp_path: Path) -> None:
    chosen = load_settings(tmp_path).calendar
    assert chosen.starts_at("anyone", "2026-01") == datetime(2026, 2, 2, 6, 0, tzinfo=UTC)
    assert chosen.due_at("anyone", "2026-01", "hard_closed") == datetime(2026, 2, 11, 18, 0, tzinfo=UTC)


def test_times_without_quotes_are_not_taken_for_seconds(tmp_path: Path) -> None:
    (tmp_path / "tieout.yaml").write_text("calendar: {starts: {working_day: 1, at: 18:30}}\n")
    assert load_settings(tmp_path).calendar.starts.at == time(18, 30)


@pytest.mark.parametrize("at", ["18", "86399", "'18:30+01:00'", "noon"])
def test_what_is_no_time_of_day_is_refused(tmp_path: Path, at: str) -> None:
    assert "calendar.starts.at" in settings_error(tmp_path, f"calendar: {{starts: {{working_day: 1, at: {at}}}}}\n")


def test_a_maintenance_window_without_quotes_is_not_taken_for_seconds(tmp_path: Path) -> None:
    (tmp_path / "tieout.yaml").write_text("destinations: {stripe: {maintenance: [{start: 22:00, end: 04:00}]}}\n")
    [window] = load_settings(tmp_path).destination("stripe").maintenance
    assert (window.start, window.end) == (time(22, 0), time(4, 0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("calendar: {time_zone: Europe/Bonn}", "calendar.time_zone"),
        ("calendar: {entities: {northlight_eu: {time_zone: Europe/Bonn}}}", "calendar.entities.northlight_eu.time_zone"),
        ("calendar: {entities: {northlight_fr: {}}}", "calendar.entities.northlight_fr: no such legal entity"),
        ("calendar: {holidays: ['2026-02-30']}", "calendar.holidays"),
        ("calendar: {holidays: [2026-02-30]}", "day is out of range for month"),
        ("calendar: {holidays: [}", "line 1, column 23"),
        ("calendar: {due: {payroll: {working_day: 1}}}", "calendar.due.payroll"),
        ("calendar: {due: {soft_closed: {working_day: 0}}}", "calendar.due.soft_closed.working_day"),
        ("calendar: {weekend: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]}", "calendar.weekend"),
        ("calendar: {due: {hard_closed: {working_day: 2}}}", "due.hard_closed: working day 2, 18:00 is before working day 5, 18:00"),
        (
            "calendar: {entities: {northlight_eu: {due: {signed_off: {working_day: 9}, hard_closed: {working_day: 8}}}}}",
            "entities.northlight_eu.due.hard_closed",
        ),
    ],
)
def test_a_calendar_that_cannot_be_kept_is_refused_with_file_and_field(tmp_path: Path, text: str, told: str) -> None:
    message = settings_error(tmp_path, text)
    assert str(tmp_path / "tieout.yaml") in message
    assert told in message


def test_settings_made_without_a_file_have_the_same_calendar(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).calendar == load_settings(tmp_path).calendar
