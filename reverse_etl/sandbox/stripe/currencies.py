"""Currencies and amounts in them: https://docs.stripe.com/currencies."""

from __future__ import annotations

import re

from reverse_etl.sandbox.stripe.errors import invalid_parameter

_CURRENCY = re.compile(r"^[a-z]{3}$")
THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def check_currency(currency: str) -> str:
    """The currency. Raises StripeError: it is none."""
    if not _CURRENCY.match(currency):
        raise invalid_parameter(f"Invalid currency: {currency}", "currency")
    return currency


def check_amount(amount: int, currency: str, name: str) -> None:
    """Raises StripeError: the last of three decimals is not a nought."""
    if currency in THREE_DECIMALS and amount % 10:
        raise invalid_parameter(f"Invalid amount: {amount}; in {currency} the last digit must be 0", name)
