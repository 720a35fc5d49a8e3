"""What a delivery of a scenario can hold; what it cannot is refused by name, before it is rounded or stops the cases beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from zoneinfo import available_timezones

from reverse_etl.cases.case import CaseError, plain
from reverse_etl.cases.scenario import DECIMALS, REFERENCE_DAY, Charge, Scenario

LAST_DAY = date(2100, 1, 1)
LARGEST_PRICE = Decimal(10) ** 12
LARGEST_QUANTITY = Decimal(10) ** 20
LONGEST_PERIOD = 999


def check_deliverable(scenario: Scenario) -> None:
    """Raises ``CaseError``, naming the term."""
    if scenario.time_zone not in available_timezones():
        raise CaseError(f"the time zone {scenario.time_zone!r} is not known; state one of the IANA database, such as Europe/Paris")
    for day in _days(scenario):
        if not REFERENCE_DAY < day < LAST_DAY:
            raise CaseError(f"{day} is not between {REFERENCE_DAY} and {LAST_DAY}")
    for subscription in scenario.subscriptions:
        if (subscription.period_days or 1) > LONGEST_PERIOD:
            raise CaseError(f"a period of {subscription.period_days} days is longer than {LONGEST_PERIOD} days")
        for charge in subscription.charges:
            _check_prices(charge)
    for event in scenario.events:
        _check("a quantity", event.quantity, LARGEST_QUANTITY)


def _days(scenario: Scenario) -> Iterator[date]:
    yield from (subscription.starts_on for subscription in scenario.subscriptions)
    yield from (subscription.ends_on for subscription in scenario.subscriptions if subscription.ends_on)
    yield from (event.occurred_at.date() for event in scenario.events)


def _check_prices(charge: Charge) -> None:
    for tier in charge.tiers:
        for name, value in (("unit_price", tier.unit_price), ("flat_fee", tier.flat_fee), ("rate_percent", tier.rate_percent)):
            _check(name, value, LARGEST_PRICE)
        for name, bound in (("up_to", tier.up_to), ("block_size", tier.block_size)):
            _check(name, bound, LARGEST_QUANTITY)


def _check(name: str, value: str | None, largest: Decimal) -> None:
    """A number of no more decimals than are kept: more would be rounded where nobody sees it."""
    number = Decimal(value or "0")
    if len(plain(number).partition(".")[2]) > DECIMALS:
        raise CaseError(f"{name} has more than {DECIMALS} decimals: {value}")
    if abs(number) >= largest:
        raise CaseError(f"{name} is not below {largest:f}: {value}")
