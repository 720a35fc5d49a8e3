"""Usage of a month that has closed already: late events, and explicit corrections of what was invoiced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reverse_etl.sandbox.sample.catalogue import METERS
from reverse_etl.sandbox.sample.company import Customer
from reverse_etl.sandbox.sample.dirt import KEPT, Planted, Usage, planned
from reverse_etl.sandbox.sample.events import CORRECTED, MILLISECONDS_PER_DAY, MONTH_STARTS, MONTHS, Draw, Integers, UsageColumns, Writer, day_number

BILLING_OPERATIONS = "billing-operations"
CLOSED_MONTHS = (0, 1)
"""January and February: their late usage arrives while the sample still runs."""
WINDOW_DAYS = 34
CORRECTIONS_PER_BOOK = 3
CORRECTED_TENTHS = 4


@dataclass(frozen=True, slots=True)
class Late:
    """Kept lines that arrive after their month has closed, each with the usage and the service month (0..2) it stands for."""

    planted: tuple[Planted, ...]
    usage: tuple[tuple[int, Usage], ...]
    corrections: int


def planned_corrections(customers: Sequence[Customer], events: int) -> int:
    return len(CLOSED_MONTHS) * len(_books(customers)) * _corrections_per_book(events)


def standing_quantities(clean: UsageColumns, spoiled: Sequence[int], customers: int) -> Integers:
    """Clean usage that no conflict took down, summed by customer, meter and service month."""
    standing = np.ones(len(clean.instant), dtype=bool)
    standing[list(spoiled)] = False
    groups = np.zeros((customers, len(METERS), len(MONTHS)), dtype=np.int64)
    np.add.at(groups, (clean.customer[standing], clean.meter[standing], clean.month[standing]), clean.quantity[standing])
    return groups


def plant_late(customers: Sequence[Customer], standing: Integers, draw: Draw, writer: Writer, *, random: Any, events: int) -> Late:
    planted: list[Planted] = []
    stood_for: list[tuple[int, Usage]] = []
    corrected: set[tuple[int, int, int]] = set()
    for number, (customer, meter, month) in enumerate(_groups_to_correct(customers, standing, draw, events)):
        corrected.add((customer, meter, month))
        quantity = -max(1, int(standing[customer, meter, month]) * CORRECTED_TENTHS // 10)
        instant = int(draw.month_start[customer, month + 1]) - (1 + number % 5) * MILLISECONDS_PER_DAY - 1
        arrival = day_number(MONTH_STARTS[month + 1]) + 2 + number % 18
        event = replace(writer.event(customer, meter, quantity, instant), type=CORRECTED, source=f"northlight/{BILLING_OPERATIONS}")
        planted.append(Planted(arrival, BILLING_OPERATIONS, arrival * MILLISECONDS_PER_DAY + number, KEPT, event=event))
        stood_for.append((month, Usage(customer, meter, quantity, instant)))
    corrections = len(planted)

    for number in range(planned("late", events)):
        month = CLOSED_MONTHS[number % 2]
        arrival = day_number(MONTH_STARTS[month + 1]) + 2 + int(random.randint(18))
        usage = _usage_of(draw, month, arrival, corrected, random)
        gateway = writer.gateways[usage.customer]
        event = writer.event(usage.customer, usage.meter, usage.quantity, usage.instant)
        planted.append(Planted(arrival, gateway, arrival * MILLISECONDS_PER_DAY + number, KEPT, event=event))
        stood_for.append((month, usage))
    return Late(tuple(planted), tuple(stood_for), corrections)


def _groups_to_correct(customers: Sequence[Customer], groups: Any, draw: Draw, events: int) -> Iterator[tuple[int, int, int]]:
    """The largest groups of each entity and sales currency, one per customer: what is taken back from them shows in minor units."""
    books = _books(customers)
    for month in CLOSED_MONTHS:
        for book in books:
            worth = []
            for position, customer in enumerate(customers):
                runs_out = draw.end[position] < draw.month_start[position, month + 1]
                if (customer.market.entity, customer.market.currency) != book or runs_out:
                    continue
                largest = max(range(len(METERS)), key=lambda meter: _worth(customer, meter, int(groups[position, meter, month])))
                if groups[position, largest, month] > 1:
                    worth.append((_worth(customer, largest, int(groups[position, largest, month])), position, largest))
            for _, position, meter in sorted(worth, reverse=True)[: _corrections_per_book(events)]:
                yield position, meter, month


def _books(customers: Sequence[Customer]) -> list[tuple[str, str]]:
    return sorted({(customer.market.entity, customer.market.currency) for customer in customers})


def _corrections_per_book(events: int) -> int:
    return max(1, round(CORRECTIONS_PER_BOOK * events / 200_000))


def _worth(customer: Customer, meter: int, quantity: int) -> Any:
    if quantity == 0:
        return 0
    chosen = METERS[meter]
    return quantity * customer.plan.first_price(chosen.key, customer.market.currency) / 10**chosen.scale


def _usage_of(draw: Draw, month: int, arrival: int, corrected: set[tuple[int, int, int]], random: Any) -> Usage:
    """Usage of the month that is young enough to be taken on arrival and touches no corrected group, so that no credit is hidden by it."""
    earliest = (arrival - WINDOW_DAYS) * MILLISECONDS_PER_DAY
    while True:
        drawn = draw.usage(1)
        customer, meter = int(drawn.customer[0]), int(drawn.meter[0])
        start = max(earliest, int(draw.start[customer]), int(draw.month_start[customer, month]))
        end = min(int(draw.end[customer]), int(draw.month_start[customer, month + 1]))
        if start < end and (customer, meter, month) not in corrected:
            return Usage(customer, meter, int(drawn.quantity[0]), start + int(random.random_sample() * (end - start)))
