"""When a channel is told what: once, again as it grows or after the interval, and once when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alert_examples import HELD, NOON, PARKED
from pydantic import TypeAdapter

from reverse_etl.alerting import Alert, AlertKind, Severity
from reverse_etl.alerting.digest import Event
from reverse_etl.alerting.policy import Holding, Told, news_for, retry_at
from reverse_etl.alerting.settings import AlertSettings, ChannelSettings

HOUR = timedelta(hours=1)


def channel(**settings: Any) -> ChannelSettings:
    everything = {"kind": "slack", "url": {"environment": "SLACK_URL"}, **settings}
    found: ChannelSettings = TypeAdapter(ChannelSettings).validate_python(everything)
    return found


def events(*holding: Alert, told: tuple[Told, ...] = (), blind: tuple[AlertKind, ...] = (), **settings: Any) -> list[tuple[Event, str]]:
    rules = AlertSettings(degraded_after_minutes=settings.pop("degraded_after_minutes", 0.0))
    holds = Holding(holding, dict.fromkeys(blind, "not readable"))
    news = news_for(channel(**settings), rules, holds, {one.alert.identity: one for one in told}, NOON)
    return [(one.event, one.alert.subject) for one in news]


def test_what_was_never_told_is_told_the_worst_first() -> None:
    assert events(HELD, PARKED) == [(Event.RAISED, PARKED.subject), (Event.RAISED, HELD.subject)]


def test_what_was_told_is_not_told_again_before_the_reminder_interval() -> None:
    assert events(PARKED, told=(Told(PARKED, NOON - 23 * HOUR),)) == []
    assert events(PARKED, told=(Told(PARKED, NOON - 24 * HOUR),)) == [(Event.REMINDER, PARKED.subject)]


def test_what_got_worse_is_told_at_once_and_what_got_milder_is_not() -> None:
    worse = replace(PARKED, severity=Severity.CRITICAL)
    assert events(worse, told=(Told(PARKED, NOON),)) == [(Event.GREW, PARKED.subject)]
    assert events(PARKED, told=(Told(worse, NOON),)) == []


def test_more_of_the_same_is_told_after_a_pause() -> None:
    more = replace(PARKED, count=PARKED.count + 1)
    assert events(more, told=(Told(PARKED, NOON - timedelta(minutes=9)),)) == []
    assert events(more, told=(Told(PARKED, NOON - timedelta(minutes=10)),)) == [(Event.GREW, PARKED.subject)]


def test_what_holds_no_longer_is_told_to_be_over() -> None:
    assert events(told=(Told(PARKED, NOON - HOUR),)) == [(Event.OVER, PARKED.subject)]


def test_what_nobody_could_look_at_is_not_taken_to_be_over() -> None:
    told = (Told(PARKED, NOON - HOUR), Told(HELD, NOON - HOUR))
    assert events(told=told, blind=(AlertKind.EXCEPTIONS,)) == [(Event.OVER, HELD.subject)]


def test_an_end_is_told_even_where_the_channel_does_not_want_the_kind_any_more() -> None:
    assert events(told=(Told(PARKED, NOON - HOUR),), kinds=["drift"]) == [(Event.OVER, PARKED.subject)]
    assert events(PARKED, told=(Told(PARKED, NOON - 48 * HOUR),), kinds=["drift"]) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"minimum_severity": "error"}, {PARKED.subject}),
        ({"kinds": ["degraded"]}, {HELD.subject}),
        ({"entities": ["northlight_eu"]}, {HELD.subject}),
        ({"entities": ["northlight_us"]}, {PARKED.subject, HELD.subject}),
    ],
)
def test_a_channel_is_told_only_what_it_wants_and_what_concerns_no_entity(settings: dict[str, Any], expected: set[str]) -> None:
    assert {subject for _, subject in events(PARKED, HELD, **settings)} == expected


def test_what_is_degraded_for_a_moment_is_not_told_at_all() -> None:
    assert events(HELD, degraded_after_minutes=121.0) == []
    assert events(HELD, degraded_after_minutes=120.0) == [(Event.RAISED, HELD.subject)]


def test_a_channel_that_fails_is_tried_less_and_less_often_but_at_least_every_hour() -> None:
    waits = [retry_at(NOON, failures, None) - NOON for failures in (1, 2, 3, 6, 7, 1000)]
    assert waits == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 32, 60, 60)]
    assert retry_at(NOON, 1, 600) - NOON == timedelta(minutes=10)
    assert retry_at(NOON, 1, 86_400) - NOON == timedelta(hours=1)
