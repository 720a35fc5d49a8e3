"""What a delivery of a scenario can hold; what it cannot is refused by name, before it is rounded or stops the cases beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from zoneinfo import available_timezones

from reverse_etl.cases.case import CaseError, plain
from reverse_etl.cases.scenario import DECIMALS, REFERENCE_DAY, Charge, Scenario

LAST_DAY = date(2100, 1, 2)
LARGEST_PRICE = Decimal(10) ** 12
LARGEST_QUANTITY = Decimal(10) ** 20
RATE_DECIMALS = 10
LARGEST_RATE = Decimal(10) ** 6
LONGEST_PERIOD = 999


def check_deliverable(scenario: Scenario) -> None:
    """Raises ``CaseError``, naming the term."""
    if scenario.time_zone not in available_timezones():
        raise CaseError(f"the time zone {scenario.time_zone!r} is not known; state one of the IANA database, such as Europe/Paris")
    for day in _days(scenario):
        if not REFERENCE_DAY < day < LAST_DAY:
            raise CaseError(f"{day} is not between {REFERENCE_DAY} and {LAST_DAY}")
    for subscription in scenario.subscriptions:
        if subscription.period_days is not None and not 0 < subscription.period_days <= LONGEST_PERIOD:
            raise CaseError(f"a period has between 1 and {LONGEST_PERIOD} days, not {subscription.period_days}")
        for charge in subscription.charges:
            _check_prices(charge)
    if scenario.exchange_rate:
        _check("rate", scenario.exchange_rate, LARGEST_RATE)
        if Decimal(scenario.exchange_rate) <= 0:
            raise CaseError(f"the rate is to be above zero: {scenario.exchange_rate}")
    for event in scenario.events:
        _check("a quantity", event.quantity, LARGEST_QUANTITY)


def _days(scenario: Scenario) -> Iterator[date]:
    yield from (subscription.starts_on for subscription in scenario.subscriptions)
    yield from (subscription.ends_on for subscription in scenario.subscriptions if subscription.ends_on)
    yield from (event.occurred_at.date() for event in scenario.events)


def _check_prices(charge: Charge) -> None:
    for tax in charge.taxes:
        if not 0 <= Decimal(tax) <= 100 or len(tax.partition(".")[2]) > RATE_DECIMALS:
            raise CaseError(f"a tax is a percentage between 0 and 100 with {RATE_DECIMALS} decimals at most: {tax}")
    if len({Decimal(tax) for tax in charge.taxes}) != len(charge.taxes):
        raise CaseError("two taxes of the same percentage are due together; state one of the sum")
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
