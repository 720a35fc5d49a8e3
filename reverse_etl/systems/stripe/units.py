"""Between our minor units and dates (ISO 4217, ISO 8601) and Stripe's (https://docs.stripe.com/currencies). Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from reverse_etl.errors import OutboxContractError

# Stripe carries these two with decimals that ISO 4217 no longer gives them, and this one without the decimals ISO gives it.
_WITH_TWO_DECIMALS = frozenset({"ISK", "UGX"})
_WITHOUT_DECIMALS = frozenset({"MGA"})
# Stripe takes their three decimals, but the last one must be a nought.
_IN_TENS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def to_stripe(amount_minor: int, currency: str) -> int:
    """Stripe's integer for an amount in ISO minor units.

    Raises:
        OutboxContractError: Stripe cannot carry this amount exactly.
    """
    if currency in _WITH_TWO_DECIMALS:
        return amount_minor * 100
    if currency in _WITHOUT_DECIMALS:
        if amount_minor % 100:
            raise OutboxContractError(
                f"{amount_minor} minor units of {currency}: Stripe carries whole {currency} only; round it in the invoicing policy"
            )
        return amount_minor // 100
    if currency in _IN_TENS and amount_minor % 10:
        raise OutboxContractError(
            f"{amount_minor} minor units of {currency}: Stripe carries {currency} in steps of 0.010 only; round it in the invoicing policy"
        )
    return amount_minor


def from_stripe(amount: int, currency: str) -> int | None:
    """ISO minor units of Stripe's integer; None where the amount has no exact counterpart (never one of ours)."""
    if currency in _WITH_TWO_DECIMALS:
        return amount // 100 if amount % 100 == 0 else None
    return amount * 100 if currency in _WITHOUT_DECIMALS else amount


def day_timestamp(day: date) -> int:
    """Noon UTC, so that the account's time zone (UTC-11 .. UTC+11) shows the same date."""
    return int(datetime.combine(day, time(12), UTC).timestamp())


def timestamp_day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def service_period(start: date, end: date) -> dict[str, int]:
    """Our half-open period as Stripe's, whose end is inclusive."""
    first = int(datetime.combine(start, time(), UTC).timestamp())
    last = int((datetime.combine(end, time(), UTC) - timedelta(seconds=1)).timestamp())
    return {"start": first, "end": max(first, last)}
