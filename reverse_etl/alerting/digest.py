"""What one message tells: news of several alerts, as text for people and as a record for programs. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from reverse_etl.alerting.alert import Alert

VERSION = 1
"""Of the record; docs/alerts.schema.json describes it. A new member does not change it, anything else does."""


class Event(StrEnum):
    """What is new of an alert."""

    RAISED = "raised"
    GREW = "grew"
    """It is more severe, or there is more of it, than was told."""
    REMINDER = "reminder"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class News:
    event: Event
    alert: Alert


@dataclass(frozen=True, slots=True)
class Digest:
    """One message. ``delivery``: the same for the same news, however often it is tried, so that a receiver can tell a repetition."""

    installation: str
    at: datetime
    news: tuple[News, ...]
    delivery: str

    @property
    def title(self) -> str:
        """One line, without the installation's name."""
        if len(self.news) == 1:
            return f"{prefix(self.news[0])}{self.news[0].alert.title}"
        counts = {event: sum(one.event is event for one in self.news) for event in Event}
        holding = len(self.news) - counts[Event.OVER]
        parts = [f"{holding} alert{'s' if holding != 1 else ''}"] * bool(holding) + [f"{counts[Event.OVER]} over"] * bool(counts[Event.OVER])
        worst = max(self.news, key=lambda one: (one.event is not Event.OVER, one.alert.severity))
        return f"{', '.join(parts)}: {prefix(worst)}{worst.alert.title} and {len(self.news) - 1} more"

    def to_record(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "delivery": self.delivery,
            "installation": self.installation,
            "sent_at": self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "alerts": [{"event": one.event.value, **one.alert.to_record()} for one in self.news],
        }


def delivery_of(channel: str, news: Sequence[News], told_before: int) -> str:
    """The name of a message to a channel; ``told_before``: messages that it had before."""
    parts = [channel, told_before, sorted((one.alert.identity, one.event.value) for one in news)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def prefix(news: News) -> str:
    """What leads a line about an alert."""
    words = {Event.RAISED: "", Event.GREW: "", Event.REMINDER: "still ", Event.OVER: "over: "}
    return words[news.event] if news.event is Event.OVER else f"[{news.alert.severity.label}] {words[news.event]}"


def facts(news: News, now: datetime) -> Iterator[tuple[str, str]]:
    """What there is to say beside title and cause, as (label, value); values of commands and links are whole."""
    alert = news.alert
    if alert.at_risk and news.event is not Event.OVER:
        yield "At risk", ", ".join(map(str, alert.at_risk))
    lasted = f" ({age(now - alert.since)})"
    yield "Since", f"{alert.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC{lasted}"
    if alert.next_command and news.event is not Event.OVER:
        yield "Next", alert.next_command
    if alert.link:
        yield "Link", alert.link
    if alert.correlation_id:
        yield "Run", alert.correlation_id


def plain_text(digest: Digest) -> str:
    """The message for whoever reads plain text."""
    blocks = []
    for one in digest.news:
        lines = [f"{prefix(one)}{one.alert.title}", f"  {one.alert.cause}"]
        lines += [f"  {label}: {value}" for label, value in facts(one, digest.at)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def age(lasted: timedelta) -> str:
    minutes = max(0, int(lasted.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
