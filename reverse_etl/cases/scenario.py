"""What a case becomes: terms of one charge and the events of one customer, in the same terms as any delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

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
    model: str
    tiers: Sequence[Tier]
    terms: Mapping[str, str] = field(default_factory=dict)
    aggregation: str = "sum"
    bucket: str = "period"
    dimensions: str = ""
    counted_attribute: str = ""
    amount_attribute: str = ""


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """``arrives_after_days`` orders deliveries; ``identity`` is (source, id) where the case says them."""

    occurred_at: datetime
    quantity: str
    data: Mapping[str, str] = field(default_factory=dict)
    identity: tuple[str, str] | None = None
    corrected: bool = False
    arrives_after_days: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One customer with one subscription of one charge. ``day`` is the first day of the service period that is asked for."""

    charge: Charge
    events: Sequence[UsageEvent]
    day: date = date(2026, 1, 1)
    currency: str = NO_CURRENCY
    time_zone: str = "UTC"
    starts_on: date | None = None


def at(day: date, minutes: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(minutes=minutes)


def quantity_event(day: date, quantity: Decimal | str, minutes: int = 0, **data: str) -> UsageEvent:
    text = format(quantity, "f") if isinstance(quantity, Decimal) else quantity
    return UsageEvent(at(day, minutes), text, data, corrected=text.startswith("-"))
