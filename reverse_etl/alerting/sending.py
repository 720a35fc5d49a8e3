"""Sends what holds to every channel that does not know it yet. A dead channel delays and stops no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from reverse_etl.alerting.alert import Alert, AlertKind, Severity
from reverse_etl.alerting.channels import Channel, ChannelError, open_channel
from reverse_etl.alerting.digest import Digest, Event, News, delivery_of
from reverse_etl.alerting.memory import FAILED, SENT, ChannelHistory, Memory
from reverse_etl.alerting.policy import Holding, news_for, retry_at
from reverse_etl.errors import ConfigurationError, TieoutError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.settings import Settings

MOST_CHANNELS_AT_ONCE = 8
UP_TO_DATE, WAITING, BUSY, UNUSABLE = "up_to_date", "waiting", "busy", "unusable"


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """What a round did on one channel. ``outcome``: sent; failed; up_to_date (nothing to tell); waiting (it failed before, and is tried again at
    ``retry_at``); busy (another process sends on it); unusable (its settings or the memory). ``told``: what came back, or why."""

    channel: str
    outcome: str
    news: int
    told: str
    retry_at: datetime | None = None

    def __str__(self) -> str:
        words = {
            SENT: f"told {self.news} piece{'s' if self.news != 1 else ''} of news ({self.told})",
            FAILED: f"could not be told: {self.told}" + (f"; tried again after {self.retry_at:%H:%M:%S} UTC" if self.retry_at else ""),
            UP_TO_DATE: "knows it all",
            WAITING: f"has {self.news} pieces of news waiting until {self.retry_at:%H:%M:%S} UTC: {self.told}" if self.retry_at else self.told,
            BUSY: self.told,
            UNUSABLE: f"cannot be used: {self.told}",
        }
        return f"{self.channel} {words[self.outcome]}"


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel stands. ``problem``: why it cannot be used as it is set."""

    name: str
    kind: str
    history: ChannelHistory
    problem: str | None


def memory_of(settings: Settings) -> Memory:
    return Memory(settings.alerts_folder / "memory.sqlite")


def send(settings: Settings, holding: Holding, now: datetime) -> tuple[ChannelReport, ...]:
    """One round over all channels, at the same time; never raises for what one of them does."""
    names = sorted(settings.alerts.channels)
    if not names:
        return ()
    with ThreadPoolExecutor(min(len(names), MOST_CHANNELS_AT_ONCE), "alerts") as threads:
        return tuple(threads.map(lambda name: _round(settings, name, holding, now), names))


def send_test(settings: Settings, name: str, now: datetime, actor: str) -> str:
    """Send a test alert by one channel, whatever it wants and was told; what came back.

    Raises:
        ConfigurationError: there is no such channel, or it cannot be used.
        ChannelError: it did not arrive.
    """
    if name not in settings.alerts.channels:
        known = ", ".join(sorted(settings.alerts.channels)) or "none"
        raise ConfigurationError(f"no channel named {name!r}; there are {known}: add it under alerts.channels of tieout.yaml")
    cause = f"{actor} tries the channel {name}; nothing is wrong"
    alert = Alert(AlertKind.TEST, Severity.INFO, name, cause, now, next_command="tieout alerts", link=settings.alerts.link)
    news = (News(Event.RAISED, alert),)
    return open_channel(name, settings.alerts.channels[name], settings.home).send(_digest(settings, name, news, int(now.timestamp()), now))


def channel_states(settings: Settings) -> tuple[ChannelState, ...]:
    """Every channel, by name. Raises ``AlertMemoryError``."""
    memory = memory_of(settings)
    return tuple(
        ChannelState(name, channel.kind, memory.history(name), _problem(settings, name)) for name, channel in sorted(settings.alerts.channels.items())
    )


def _problem(settings: Settings, name: str) -> str | None:
    try:
        open_channel(name, settings.alerts.channels[name], settings.home)
    except ConfigurationError as error:
        return str(error)
    return None


def _round(settings: Settings, name: str, holding: Holding, now: datetime) -> ChannelReport:
    try:
        # Held while sending, so that no two processes tell the same; it dies with its process.
        with file_lock(settings.lock_folder / f"alerts-{name}.lock", "alerts", 0.0):
            return _told_round(settings, name, holding, now)
    except LockTimeoutError as error:
        return ChannelReport(name, BUSY, 0, f"is being told by {error.holder}")
    except (TieoutError, OSError) as error:
        return ChannelReport(name, UNUSABLE, 0, str(error))


def _told_round(settings: Settings, name: str, holding: Holding, now: datetime) -> ChannelReport:
    memory = memory_of(settings)
    configured = settings.alerts.channels[name]
    news = news_for(configured, settings.alerts, holding, memory.told(name), now)
    if not news:
        return ChannelReport(name, UP_TO_DATE, 0, "")
    history = memory.history(name)
    if history.retry_at is not None and now < history.retry_at:
        return ChannelReport(name, WAITING, len(news), history.last_failure or "", history.retry_at)
    channel = open_channel(name, configured, settings.home)
    return _sent(memory, channel, name, _digest(settings, name, news, history.messages_sent, now), history.failures, now)


def _sent(memory: Memory, channel: Channel, name: str, digest: Digest, failures: int, now: datetime) -> ChannelReport:
    attempt = memory.begin(name, digest.delivery, digest.news, now)
    try:
        told = channel.send(digest)
    except ChannelError as error:
        again = retry_at(now, failures + 1, error.retry_after)
        memory.end(attempt, FAILED, str(error), now, again)
        return ChannelReport(name, FAILED, len(digest.news), str(error), again)
    except Exception as error:
        # A defect of ours in one channel must not keep the others, nor the close, from going on.
        again = retry_at(now, failures + 1, None)
        memory.end(attempt, FAILED, type(error).__name__, now, again)
        return ChannelReport(name, FAILED, len(digest.news), f"unexpected {type(error).__name__}", again)
    memory.end(attempt, SENT, told, now)
    return ChannelReport(name, SENT, len(digest.news), told)


def _digest(settings: Settings, name: str, news: tuple[News, ...], told_before: int, now: datetime) -> Digest:
    return Digest(settings.alerts.installation, now, news, delivery_of(name, news, told_before))
