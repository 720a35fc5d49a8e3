"""How much a quantity costs under a price: https://docs.stripe.com/products-prices/pricing-models. Pure.

Independent of Tieout's own models on purpose: decimals of Python, one amount per tier, each rounded half away from zero to minor units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class RatedTier:
    """``amount`` in minor units; ``unit_amount`` and ``flat_amount`` in minor units and their fractions."""

    quantity: int
    unit_amount: Decimal
    flat_amount: Decimal

    @property
    def amount(self) -> int:
        return whole(self.unit_amount * self.quantity + self.flat_amount)


def rate(price: Mapping[str, Any], quantity: int) -> list[RatedTier]:
    """One entry per tier that is reached; a per-unit price is one tier. A quantity below zero counts as zero."""
    used = max(quantity, 0)
    if price["billing_scheme"] == "per_unit":
        return [RatedTier(used, Decimal(price["unit_amount_decimal"]), Decimal(0))]
    if price["tiers_mode"] == "volume":
        tier = next(tier for tier in price["tiers"] if tier["up_to"] is None or used <= tier["up_to"])
        return [_rated(tier, used)]
    rated: list[RatedTier] = []
    below = 0
    for tier in price["tiers"]:
        reached = used if tier["up_to"] is None else min(used, tier["up_to"])
        if reached > below or not rated:
            rated.append(_rated(tier, max(reached - below, 0)))
        below = reached
    return rated


def whole(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def _rated(tier: Mapping[str, Any], quantity: int) -> RatedTier:
    return RatedTier(quantity, Decimal(tier["unit_amount_decimal"] or "0"), Decimal(tier["flat_amount_decimal"] or "0"))
