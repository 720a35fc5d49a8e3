"""The dirt of real life, planted in known numbers: every planted line has exactly one defect and nobody else's identifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from reverse_etl.sandbox.sample.catalogue import METERS
from reverse_etl.sandbox.sample.delivery import carries_any_line
from reverse_etl.sandbox.sample.events import (
    MILLISECONDS_PER_DAY,
    Draw,
    Event,
    UsageColumns,
    Writer,
    data_text,
    first_partition,
    last_partition,
    quantity_text,
    times,
)

KEPT, DUPLICATE, CONFLICT = "kept", "duplicate", "conflicting_content"

PER_200_000 = {
    "duplicate_same_day": 400,
    "duplicate_later_day": 200,
    "conflict_same_day": 40,
    "conflict_later_day": 40,
    "malformed": 60,
    "missing_attribute": 30,
    "unknown_specversion": 10,
    "unknown_type": 20,
    "invalid_time": 10,
    "invalid_quantity": 15,
    "null_quantity": 40,
    "negative_quantity": 40,
    "quantity_out_of_range": 10,
    "clock_ahead": 30,
    "beyond_window": 15,
    "unknown_customer": 80,
    "unknown_meter": 50,
    "late": 600,
}
"""How many of each are planted in a sample of 200,000 lines; other sizes in proportion, three of each at least."""


def planned(kind: str, events: int) -> int:
    return max(3, round(PER_200_000[kind] * events / 200_000))


def planned_total(events: int) -> int:
    return sum(planned(kind, events) for kind in PER_200_000)


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted line: an event, or (``line``) something that is none. ``outcome`` is kept, duplicate or the reason of its quarantine."""

    partition: int
    gateway: str
    instant: int
    outcome: str
    event: Event | None = None
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Clean usage that a planted line stands for: (customer, meter, quantity, instant)."""

    customer: int
    meter: int
    quantity: int
    instant: int


@dataclass(slots=True)
class Dirt:
    """``spoiled``: positions of the clean usage that a conflict takes down with it."""

    planted: list[Planted] = field(default_factory=list)
    spoiled: list[int] = field(default_factory=list)


class Planter:
    def __init__(self, clean: UsageColumns, draw: Draw, writer: Writer, events: int, random: Any) -> None:
        self._clean, self._draw, self._writer, self._events, self._random = clean, draw, writer, events, random
        self._dirt = Dirt()

    def plant(self) -> Dirt:
        self._copies()
        for kind, spoil in _DEFECTS.items():
            for number in range(planned(kind, self._events)):
                self._defect(kind, number, spoil)
        for number in range(planned("malformed", self._events)):
            self._malformed(number)
        return self._dirt

    def _copies(self) -> None:
        """Duplicates and conflicts: each needs a clean event of its own, far enough from the end to be sent again later."""
        clean = self._clean
        early_enough = int(np.searchsorted(clean.partition, last_partition() - 5, side="left"))
        kinds = ("duplicate_same_day", "duplicate_later_day", "conflict_same_day", "conflict_later_day")
        chosen = iter(self._random.permutation(early_enough)[: sum(planned(kind, self._events) for kind in kinds)])
        for kind in kinds:
            for _ in range(planned(kind, self._events)):
                position = int(next(chosen))
                event = self._writer.clean(clean, np.array([position]))[0]
                instant, customer = int(clean.instant[position]), int(clean.customer[position])
                delay = int(self._random.randint(1, 6)) if kind.endswith("later_day") else 0
                outcome = DUPLICATE
                if kind.startswith("conflict"):
                    outcome = CONFLICT
                    meter = int(clean.meter[position])
                    altered = quantity_text(meter, int(clean.quantity[position]) + 1)
                    event = replace(event, data=data_text(METERS[meter].key, altered, self._writer.gateways[customer]))
                    if delay == 0:
                        self._dirt.spoiled.append(position)
                partition = instant // MILLISECONDS_PER_DAY + delay
                self._add(partition, self._writer.gateways[customer], instant + delay * MILLISECONDS_PER_DAY + 1, outcome, event)

    def _template(self) -> tuple[Usage, Event]:
        """Usage as clean as any, to be spoiled in one respect."""
        drawn = self._draw.usage(1)
        usage = Usage(int(drawn.customer[0]), int(drawn.meter[0]), int(drawn.quantity[0]), int(drawn.instant[0]))
        return usage, self._writer.event(usage.customer, usage.meter, usage.quantity, usage.instant)

    def _defect(self, kind: str, number: int, spoil: Callable[[Spoiling], Event]) -> None:
        usage, event = self._template()
        gateway = self._writer.gateways[usage.customer]
        partition = usage.instant // MILLISECONDS_PER_DAY
        if kind == "beyond_window":
            partition = min(last_partition(), partition + 37 + number % 10)
        spoiled = spoil(Spoiling(event, usage, gateway, number, partition))
        self._add(partition, gateway, usage.instant, kind, spoiled)

    def _malformed(self, number: int) -> None:
        usage, event = self._template()
        gateway, partition = self._writer.gateways[usage.customer], usage.instant // MILLISECONDS_PER_DAY
        while not carries_any_line(partition, gateway):
            partition = first_partition() + (partition - first_partition() + 1) % 90
        line = (
            f'{{"specversion":"1.0","id":"{event.id}","source":"northlight/ga',
            f"WARN buffer overrun, dropped frame {event.id}",
            f'["1.0","{event.id}"]',
            f'{{"specversion":"1.0","id":"{event.id}","time":"{event.time}" "data":{{"note":"a \\"quoted\\" comma, lost"}}}}',
        )[number % 4]
        self._dirt.planted.append(Planted(partition, gateway, usage.instant, "malformed", line=line))

    def _add(self, partition: int, gateway: str, instant: int, outcome: str, event: Event) -> None:
        self._dirt.planted.append(Planted(partition, gateway, instant, outcome, event=event))


@dataclass(frozen=True, slots=True)
class Spoiling:
    """A clean event about to be spoiled, the usage behind it, its gateway, the how-manieth of its kind, and the partition it lands in."""

    event: Event
    usage: Usage
    gateway: str
    number: int
    partition: int

    def with_quantity(self, quantity: str | None) -> Event:
        return replace(self.event, data=data_text(METERS[self.usage.meter].key, quantity, self.gateway))


_MISSING = ("subject", "time", "data", "type", "source", "id")
_BAD_TIMES = ("yesterday", "2026-02-30T10:00:00.000Z", "2026-01-05T25:61:00.000Z")
_BAD_QUANTITIES = ('"12,5"', '"n/a"', '"0x10"', '"1.2.3"')
_FAR_QUANTITIES = ('"0.1234567890123"', '"10000000000"', '"99999999999.5"')
_OTHER_TYPES = ("io.northlight.session.started.v1", "io.northlight.usage.recorded.v2")


def _ahead(spoiling: Spoiling) -> Event:
    next_day = (spoiling.partition + 1) * MILLISECONDS_PER_DAY
    minutes = 6 + 37 * spoiling.number
    return replace(spoiling.event, time=times(np.array([next_day + minutes * 60_000], dtype=np.int64))[0])


def _too_old(spoiling: Spoiling) -> Event:
    day = spoiling.partition - 36 - spoiling.number % 5
    return replace(spoiling.event, time=times(np.array([day * MILLISECONDS_PER_DAY + 43_200_000], dtype=np.int64))[0])


def _without(spoiling: Spoiling) -> Event:
    return replace(spoiling.event, **{_MISSING[spoiling.number % len(_MISSING)]: None})


_DEFECTS: dict[str, Callable[[Spoiling], Event]] = {
    "missing_attribute": _without,
    "unknown_specversion": lambda spoiling: replace(spoiling.event, specversion="0.3"),
    "unknown_type": lambda spoiling: replace(spoiling.event, type=_OTHER_TYPES[spoiling.number % 2]),
    "invalid_time": lambda spoiling: replace(spoiling.event, time=_BAD_TIMES[spoiling.number % 3]),
    "invalid_quantity": lambda spoiling: spoiling.with_quantity(_BAD_QUANTITIES[spoiling.number % 4]),
    "null_quantity": lambda spoiling: spoiling.with_quantity((None, "null")[spoiling.number % 2]),
    "negative_quantity": lambda spoiling: spoiling.with_quantity(quantity_text(spoiling.usage.meter, -spoiling.usage.quantity)),
    "quantity_out_of_range": lambda spoiling: spoiling.with_quantity(_FAR_QUANTITIES[spoiling.number % 3]),
    "clock_ahead": _ahead,
    "beyond_window": _too_old,
    "unknown_customer": lambda spoiling: replace(spoiling.event, subject=f"C9{spoiling.number % 1000:03d}"),
    "unknown_meter": lambda spoiling: replace(
        spoiling.event, data=data_text("gpu_minutes_preview", quantity_text(spoiling.usage.meter, spoiling.usage.quantity), spoiling.gateway)
    ),
}
