"""Which events count: each once, none that breaks the contract, none that was taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reverse_etl.reperformance.delivered import Record, read_records
from reverse_etl.reperformance.facts import LandedFile
from reverse_etl.reperformance.references import References

WINDOW = timedelta(days=35)
TOLERANCE = timedelta(days=1, minutes=5)
RECORDED, CORRECTED, RETRACTED = KINDS = ("recorded", "corrected", "retracted")
BEYOND_QUANTITY = Decimal(10) ** 20
_INSTANT = re.compile(r"[1-9]\d{3}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-](0\d|1[0-5]):[0-5]\d)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_EXACT = re.compile(r"[+-]?\d+(\.\d{1,12}0*)?", re.ASCII)
_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time")


@dataclass(frozen=True, slots=True)
class Event:
    """A line that keeps the contract by itself. ``arrival``: file in the order of landing, then line. ``takes_back``: what it retracts."""

    arrival: tuple[int, int]
    landed_on: date
    identity: tuple[str, str]
    customer_id: str
    instant: datetime
    meter: str | None
    quantity: Decimal
    content: tuple[str, str, datetime, Mapping[str, Any]]
    takes_back: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one kept event adds to a customer's day."""

    customer_id: str
    meter: str
    day: date
    quantity: Decimal


def read_events(inbox: Path, files: Sequence[LandedFile]) -> list[Event]:
    """Every event of these files that keeps the contract, in the order of arrival."""
    return [event for file in files for number, record in read_records(inbox, file) if (event := _typed(file, number, record)) is not None]


def kept_usage(events: Sequence[Event], references: References) -> Iterator[Usage]:
    """What counts of the events that had arrived: the first of every identity, unless its day contradicts itself, less what was retracted."""
    repeated = _repetitions(events)
    retracted = _retracted(events, repeated, references)
    for event in events:
        customer = references.customers.get(event.customer_id)
        if event.takes_back is not None or event.arrival in repeated or event.arrival in retracted or customer is None:
            continue
        if event.meter is None or not _is_measured(event, references):
            continue
        yield Usage(event.customer_id, event.meter, local_day(event.instant, customer.time_zone), event.quantity)


def local_day(instant: datetime, time_zone: ZoneInfo) -> date:
    return instant.astimezone(time_zone).date()


def _is_measured(event: Event, references: References) -> bool:
    meter = references.meters.get(event.meter or "")
    return meter is not None and abs(event.quantity) < meter.largest_quantity


def _typed(file: LandedFile, number: int, record: Record) -> Event | None:
    attributes: Mapping[str, str] = {name: str(value).strip() for name in _ATTRIBUTES if (value := record.get(name)) is not None}
    data = _data(record.get("data"))
    if data is None or any(not attributes.get(name) for name in _ATTRIBUTES) or attributes["specversion"] != "1.0":
        return None
    kind = next((kind for kind in KINDS if attributes["type"].endswith(f".usage.{kind}.v1")), None)
    instant = _instant(attributes["time"])
    landing_day = datetime(file.landed_on.year, file.landed_on.month, file.landed_on.day, tzinfo=UTC)
    if kind is None or instant is None or not landing_day - WINDOW <= instant < landing_day + TOLERANCE:
        return None
    takes_back = (str(data["source"]), str(data["id"])) if kind == RETRACTED and data.get("source") and data.get("id") else None
    quantity = Decimal(0) if takes_back is not None else _quantity(data.get("quantity"), kind)
    if quantity is None:
        return None
    return Event(
        arrival=(file.position, number),
        landed_on=file.landed_on,
        identity=(attributes["source"], attributes["id"]),
        customer_id=attributes["subject"],
        instant=instant,
        meter=None if data.get("meter") is None else str(data["meter"]),
        quantity=quantity,
        content=(attributes["type"], attributes["subject"], instant, data),
        takes_back=takes_back,
    )


def _data(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=str, parse_int=str)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _instant(text: str) -> datetime | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None


def _quantity(value: Any, kind: str) -> Decimal | None:
    """The quantity as delivered; None where nobody can say which it is, or where usage that is recorded would take something back."""
    text = None if value is None else str(value)
    if kind == RETRACTED or text is None or not _NUMBER.fullmatch(text):
        return None
    quantity = Decimal(text)
    if not _EXACT.fullmatch(text) or abs(quantity) >= BEYOND_QUANTITY or (kind == RECORDED and quantity < 0):
        return None
    return quantity


def _repetitions(events: Sequence[Event]) -> set[tuple[int, int]]:
    """Arrivals that do not count, for their identity came before or came with two contents on its first day."""
    repeated = set()
    for same in _more_than_once(events):
        for event in same:
            first = next(other for other in same if abs(other.landed_on - event.landed_on) <= WINDOW + timedelta(days=1))
            contradicted = any(other.content != event.content for other in same if other.landed_on == event.landed_on)
            if first.arrival != event.arrival or contradicted:
                repeated.add(event.arrival)
    return repeated


def _more_than_once(events: Sequence[Event]) -> Iterable[Sequence[Event]]:
    seen: dict[tuple[str, str], Event] = {}
    several: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        first = seen.setdefault(event.identity, event)
        if first is not event:
            several.setdefault(event.identity, [first]).append(event)
    return several.values()


def _retracted(events: Sequence[Event], repeated: set[tuple[int, int]], references: References) -> set[tuple[int, int]]:
    claims = {
        (event.takes_back, event.customer_id, event.instant) for event in events if event.takes_back is not None and event.arrival not in repeated
    }
    if not claims:
        return set()
    return {
        event.arrival
        for event in events
        if event.takes_back is None
        and event.arrival not in repeated
        and _is_measured(event, references)
        and (event.identity, event.customer_id, event.instant) in claims
    }
