"""The clean usage: who used what, when and how much, as columns of numbers (one position per event)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from reverse_etl.sandbox.sample.catalogue import METER_POSITION, METERS
from reverse_etl.sandbox.sample.company import END_DAY, FIRST_DAY, Customer

Integers = npt.NDArray[np.int64]

SPECVERSION = "1.0"
RECORDED = "io.northlight.usage.recorded.v1"
CORRECTED = "io.northlight.usage.corrected.v1"
MONTHS = ("2026-01", "2026-02", "2026-03")
MONTH_STARTS = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1))
MILLISECONDS_PER_DAY = 86_400_000
_GOLDEN_RATIO = 0x9E3779B97F4A7C15


def midnight(day: date, time_zone: str) -> int:
    """The first instant of a day in a time zone, in milliseconds since 1970-01-01 UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).timestamp()) * 1000


def day_number(day: date) -> int:
    """Days since 1970-01-01; the partition a UTC day lands in."""
    return (day - date(1970, 1, 1)).days


def month_of(partition: int) -> str:
    return str(np.datetime64(partition, "D"))[:7]


@dataclass(frozen=True, slots=True)
class Event:
    """One usage event. ``None`` leaves the attribute out."""

    id: str | None
    source: str | None
    subject: str | None
    time: str | None
    data: str | None
    type: str | None = RECORDED
    specversion: str | None = SPECVERSION


@dataclass(frozen=True, slots=True)
class UsageColumns:
    """``customer`` and ``meter`` are positions, ``instant`` UTC milliseconds (ascending), ``quantity`` in units of 10**-scale of the meter,
    ``month`` 0..2: the service month in the customer's time zone."""

    customer: Integers
    meter: Integers
    instant: Integers
    quantity: Integers
    month: Integers

    @property
    def partition(self) -> Integers:
        return self.instant // MILLISECONDS_PER_DAY


class Draw:
    """Draws usage of the customers' subscriptions, each within its term and the customer's own days."""

    def __init__(self, customers: Sequence[Customer], random: Any) -> None:
        self._customers = customers
        self._random = random
        self.start = _array(midnight(customer.starts_on, customer.time_zone) for customer in customers)
        self.end = _array(midnight(customer.ends_on or END_DAY, customer.time_zone) for customer in customers)
        self.month_start = np.array([[midnight(day, customer.time_zone) for day in MONTH_STARTS] for customer in customers], dtype=np.int64)
        weight = _array(customer.size for customer in customers) * (self.end - self.start)
        self._cumulative = np.cumsum(weight) / weight.sum()
        self._meter_count = _array(len(customer.plan.meters) for customer in customers)
        widest = max(len(customer.plan.meters) for customer in customers)
        self._meters = np.zeros((len(customers), widest), dtype=np.int64)
        for position, customer in enumerate(customers):
            for place, meter in enumerate(customer.plan.meters):
                self._meters[position, place] = METER_POSITION[meter]
        self._largest = _array(meter.largest for meter in METERS)

    def usage(self, count: int) -> UsageColumns:
        drawn = self._random.random_sample((4, count))
        customer = np.minimum(np.searchsorted(self._cumulative, drawn[0], side="right"), len(self._customers) - 1)
        instant = self.start[customer] + (drawn[1] * (self.end - self.start)[customer]).astype(np.int64)
        meter = self._meters[customer, (drawn[2] * self._meter_count[customer]).astype(np.int64)]
        quantity = 1 + (drawn[3] * self._largest[meter]).astype(np.int64)
        order = np.argsort(instant, kind="stable")
        customer, instant = customer[order], instant[order]
        return UsageColumns(customer, meter[order], instant, quantity[order], self.month(customer, instant))

    def month(self, customer: Integers, instant: Integers) -> Integers:
        starts = self.month_start[customer]
        return (instant >= starts[:, 1]).astype(np.int64) + (instant >= starts[:, 2])


class Writer:
    """Turns numbers into the text of events; identifiers never repeat (the clean usage has the first ``clean`` of them)."""

    def __init__(self, customers: Sequence[Customer], seed: int, clean: int) -> None:
        self._seed = seed
        self._issued = clean
        self.subjects = [customer.customer_id for customer in customers]
        self.gateways = [customer.market.gateway for customer in customers]

    def identifier(self, number: int) -> str:
        # Multiplying by an odd constant permutes the 64-bit numbers: unlike-looking identifiers that cannot collide.
        return f"{((number + 1) * _GOLDEN_RATIO + self._seed) % 2**64:016x}"

    def next_identifier(self) -> str:
        self._issued += 1
        return self.identifier(self._issued - 1)

    def clean(self, usage: UsageColumns, positions: Integers) -> list[Event]:
        """The events at these positions of the clean usage: the same position always gives the same event."""
        columns = zip(
            positions.tolist(),
            usage.customer[positions].tolist(),
            usage.meter[positions].tolist(),
            usage.quantity[positions].tolist(),
            times(usage.instant[positions]),
            strict=True,
        )
        return [self._event(self.identifier(number), *values) for number, *values in columns]

    def event(self, customer: int, meter: int, quantity: int, instant: int) -> Event:
        """An event of its own, with an identifier nobody else has."""
        return self._event(self.next_identifier(), customer, meter, quantity, times(np.array([instant], dtype=np.int64))[0])

    def _event(self, identifier: str, customer: int, meter: int, quantity: int, time: str) -> Event:
        gateway = self.gateways[customer]
        data = data_text(METERS[meter].key, quantity_text(meter, quantity), gateway)
        return Event(identifier, f"northlight/gateway/{gateway}", self.subjects[customer], time, data)


def times(instants: Integers) -> list[str]:
    texts: list[str] = np.datetime_as_string(instants.astype("datetime64[ms]"), unit="ms").tolist()
    return [f"{text}Z" for text in texts]


def quantity_text(meter: int, quantity: int) -> str:
    """A JSON number for whole meters, a JSON string with all its places for the others."""
    scale = METERS[meter].scale
    if scale == 0:
        return str(quantity)
    sign, whole = ("-", -quantity) if quantity < 0 else ("", quantity)
    return f'"{sign}{whole // 10**scale}.{whole % 10**scale:0{scale}d}"'


def data_text(meter: str, quantity: str | None, region: str) -> str:
    """The event's data as compact JSON; ``quantity`` is JSON text, None leaves the member out."""
    member = "" if quantity is None else f'"quantity":{quantity},'
    return f'{{"meter":"{meter}",{member}"region":"{region}"}}'


def first_partition() -> int:
    """The earliest UTC day on which usage of the first local day can arrive (customers east of Greenwich)."""
    return day_number(FIRST_DAY) - 1


def last_partition() -> int:
    return day_number(END_DAY)


def _array(values: Any) -> Integers:
    return np.array(list(values), dtype=np.int64)
