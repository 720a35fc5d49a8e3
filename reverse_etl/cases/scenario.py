"""What a case becomes: terms of one charge and the events of one customer, in the same terms as any delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

ENTITY = "cases"
NO_CURRENCY = "USD"
"""Where a case names none: amounts are then answered unrounded."""


@dataclass(frozen=True, slots=True)
class Tier:
    """``up_to`` is inclusive, None is open; ``rate_percent`` prices money by the hundred; ``block_size`` counts in blocks."""

    up_to: str | None = None
    unit_price: str = "0"
    flat_fee: str = "0"
    rate_percent: str = ""
    block_size: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """``kind`` is usage, fee, prepaid, commitment or discount; all but usage are the flat fee of their only tier.
    ``taxes`` are the percentages that are due together."""

    model: str
    tiers: Sequence[Tier]
    terms: Mapping[str, str] = field(default_factory=dict)
    aggregation: str = "sum"
    bucket: str = "period"
    dimensions: str = ""
    counted_attribute: str = ""
    amount_attribute: str = ""
    name: str = "usage"
    kind: str = "usage"
    timing: str = "arrears"
    taxes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CreditGrant:
    """Credits of the customer, delivered before run ``known_in_run``; ``kind`` is paid or promotional."""

    name: str
    amount: str
    kind: str = "paid"
    granted_on: date = date(2000, 1, 1)
    expires_on: date | None = None
    priority: str = ""
    credit_rate: str = ""
    known_in_run: int = 0


@dataclass(frozen=True, slots=True)
class Payment:
    """Received from the customer for the first invoice of ``invoiced_on``'s month, delivered before run ``known_in_run``."""

    name: str
    amount: str
    paid_on: date
    invoiced_on: date
    known_in_run: int = 1


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """``arrives_after_days`` orders deliveries, ``run`` the runs that they are delivered before; ``identity`` is (source, id) where the
    case says them; an event of no meter (``metered`` is false) only says how far something was landed."""

    occurred_at: datetime
    quantity: str
    data: Mapping[str, str] = field(default_factory=dict)
    identity: tuple[str, str] | None = None
    corrected: bool = False
    arrives_after_days: int = 0
    run: int = 0
    metered: bool = True


@dataclass(frozen=True, slots=True)
class Subscription:
    """``period_days`` counts the days of its periods from ``anchor_on`` (default: its start), ``period_unit`` their units; without either
    they are calendar months. It is known from run ``known_in_run`` on; one of the same name that is known later replaces it."""

    charges: Sequence[Charge]
    starts_on: date
    ends_on: date | None = None
    name: str = ""
    anchor_on: date | None = None
    period_days: int | None = None
    period_unit: str | None = None
    period_count: int = 1
    calendar: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    known_in_run: int = 0


@dataclass(frozen=True, slots=True)
class DecidedCredit:
    """A goodwill credit on what the first run issues for a charge, decided by two people; the amount is in minor units."""

    charge: str
    amount_minor: int
    before_discount: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One customer with its subscriptions. ``day`` is the first day of the service period that is asked for, None asks for all;
    after every run but the last, what is proposed is issued."""

    subscriptions: Sequence[Subscription]
    events: Sequence[UsageEvent] = ()
    day: date | None = None
    currency: str = NO_CURRENCY
    time_zone: str = "UTC"
    tax_rounding: str = "group"
    inclusive_tax_rounding: str = "net"
    exchange_rate: str = ""
    runs: int = 1
    grants: Sequence[CreditGrant] = ()
    credits: Sequence[DecidedCredit] = ()
    payments: Sequence[Payment] = ()
    with_documents: bool = False

    @property
    def entity(self) -> str:
        """Scenarios that need other terms of a legal entity have one of their own."""
        terms = ((self.tax_rounding, "group"), (self.inclusive_tax_rounding, "net"), (self.exchange_rate, ""))
        return "-".join([ENTITY, *(term for term, usual in terms if term != usual)])

    @property
    def needs_documents(self) -> bool:
        return self.with_documents or self.runs > 1 or any(charge.taxes for subscription in self.subscriptions for charge in subscription.charges)


FIRST_DAY = date(2026, 1, 1)
RATED_MONTHS = 4
"""From a scenario's first one on, those of which it has exchange rates."""
REFERENCE_DAY = date(1970, 1, 1)
"""From which on everything but usage is in effect."""
DECIMALS = 12
"""Of a price and of a quantity."""
FINEST = Decimal(1).scaleb(-DECIMALS)
"""What is cut off of an amount beyond it changes no rounding to the decimals of a currency."""


def of_charge(
    charge: Charge,
    events: Sequence[UsageEvent],
    day: date = FIRST_DAY,
    currency: str = NO_CURRENCY,
    time_zone: str = "UTC",
    starts_on: date | None = None,
    runs: int = 1,
) -> Scenario:
    """One subscription of one charge, billed by the calendar month until the last event."""
    last = max([day, *(event.occurred_at.date() + timedelta(days=1) for event in events)])
    ends_on = (last.replace(day=1) + timedelta(days=32)).replace(day=1)
    return Scenario((Subscription((charge,), starts_on or day, ends_on),), events, day, currency, time_zone, runs=runs)


def flat(
    name: str, amount: Decimal, kind: str = "fee", model: str = "flat", taxes: Sequence[str] = (), timing: str = "arrears", **terms: str
) -> Charge:
    """A charge of one amount per period."""
    return Charge(model, (Tier(flat_fee=format(amount, "f")),), terms, name=name, kind=kind, timing=timing, taxes=taxes)


def at(day: date, minutes: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(minutes=minutes)


def quantity_event(day: date, quantity: Decimal | str, minutes: int = 0, run: int = 0, **data: str) -> UsageEvent:
    text = format(quantity, "f") if isinstance(quantity, Decimal) else quantity
    return UsageEvent(at(day, minutes), text, data, corrected=text.startswith("-"), run=run)


def landed_until(day: date) -> UsageEvent:
    """Periods are told as far as something was landed."""
    return UsageEvent(at(day), "0", metered=False)
