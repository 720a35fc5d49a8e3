"""Amounts and other quantities as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reverse_etl.warehouse import Warehouse

HEADLINES: Mapping[str, str] = {
    "K0": "rows",
    "K1": "events",
    "K2": "quantity",
    "K3": "amount",
    "K4": "total",
    "K5": "receivable",
    "K6": "sealed",
    "K7": "debit",
    "K8": "amount",
    "K9": "debit",
    "K10": "revenue",
}
"""By checkpoint, the measure that a reader wants to see; breaks count over every measure of the checkpoint."""

_EXPONENTS = "select currency, exponent from constants.currencies"


def exponents(warehouse: Warehouse, *, published: bool = True) -> Mapping[str, int]:
    """Decimals by currency."""
    rows = (warehouse.read_published if published else warehouse.read)(_EXPONENTS).to_pylist()
    return {row["currency"]: row["exponent"] for row in rows}


def quantity(value: str, unit: str, decimals: Mapping[str, int]) -> str:
    """A value with its unit: minor units of a currency as an amount, anything else as a number."""
    number = Decimal(value)
    if unit in decimals:
        return f"{unit} {number.scaleb(-decimals[unit]):,.{decimals[unit]}f}"
    return f"{number.normalize():,f} {unit}" if number else f"0 {unit}"
