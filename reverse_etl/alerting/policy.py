"""What a channel is told: an alert once, again when it grew or after a reminder interval, and once when it is over. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reverse_etl.alerting.alert import Alert, AlertKind, worst_first
from reverse_etl.alerting.digest import Event, News
from reverse_etl.alerting.settings import AlertSettings, ChannelSettings

GROWTH_PAUSE = timedelta(minutes=10)
"""Between two messages about more of the same."""
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was last told of an alert that it takes to hold."""

    alert: Alert
    at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds now. ``blind``: kinds of which not everything could be looked at, with the reason; of those nothing is taken to be over."""

    alerts: tuple[Alert, ...]
    blind: Mapping[AlertKind, str]


def news_for(channel: ChannelSettings, settings: AlertSettings, holding: Holding, told: Mapping[str, Told], now: datetime) -> tuple[News, ...]:
    """What there is to tell a channel, the worst first; ``told``: identity -> what it was told last."""
    ordered = worst_first(holding.alerts)
    found = [
        News(event, alert)
        for alert in ordered
        if channel.wants(alert) and (event := _event(alert, told.get(alert.identity), settings, now)) is not None
    ]
    return (*found, *_over(told, {alert.identity for alert in ordered}, holding.blind))


def retry_at(now: datetime, failures: int, asked: float | None) -> datetime:
    """When a channel that failed ``failures`` times in a row is tried again; ``asked``: seconds that it asks to wait."""
    doublings: int = min(failures - 1, 16)
    pause = min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)
    return now + max(pause, timedelta(seconds=min(asked or 0.0, LONGEST_RETRY.total_seconds())))


def _event(alert: Alert, before: Told | None, settings: AlertSettings, now: datetime) -> Event | None:
    if before is None:
        quiet = timedelta(minutes=settings.degraded_after_minutes) if alert.kind is AlertKind.DEGRADED else timedelta(0)
        return Event.RAISED if now - alert.since >= quiet else None
    if alert.severity > before.alert.severity or (alert.count > before.alert.count and now - before.at >= GROWTH_PAUSE):
        return Event.GREW
    return Event.REMINDER if now - before.at >= timedelta(hours=settings.reminder_hours) else None


def _over(told: Mapping[str, Told], holding: Collection[str], blind: Mapping[AlertKind, str]) -> Sequence[News]:
    gone = [one.alert for identity, one in told.items() if identity not in holding and one.alert.kind not in blind]
    return [News(Event.OVER, alert) for alert in worst_first(gone)]
