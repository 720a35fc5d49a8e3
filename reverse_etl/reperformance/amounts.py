"""Exact arithmetic: fractions, rounded once and half away from zero, and the largest remainder."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

# ISO 4217: decimals of the currencies that do not have two.
_DECIMALS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}


def minor_units(currency: str) -> int:
    """How many minor units one unit has."""
    return int(10 ** _DECIMALS.get(currency, 2))


def rounded(value: Fraction) -> int:
    whole = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return whole if value >= 0 else -whole


def spread(total: int, shares: Mapping[str, int]) -> dict[str, int]:
    """``total`` in the proportion of non-negative shares, by largest remainder, ties by the order of the keys."""
    whole = sum(shares.values())
    if not whole:
        return dict.fromkeys(shares, 0)
    parts = {key: total * share // whole for key, share in shares.items()}
    left = total - sum(parts.values())
    for key in sorted(shares, key=lambda key: (-(total * shares[key] % whole), key))[:left]:
        parts[key] += 1
    return parts
