"""Amounts and other quantities as people read them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import cache

from dagster_project.shipped import DBT_PROJECT

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

# More digits than any number of a warehouse has: what is computed in it is never rounded.
_EXACT = Context(prec=100)
_CURRENCIES = DBT_PROJECT / "seeds" / "currencies.csv"


@cache
def exponents() -> Mapping[str, int]:
    """Decimals by currency, from the seed that the models read too, so that amounts are right before anything was built."""
    with _CURRENCIES.open(newline="") as rows:
        return {row["currency"]: int(row["exponent"]) for row in csv.DictReader(rows)}


def quantity(value: str, unit: str, decimals: Mapping[str, int]) -> str:
    """A value with its unit: minor units of a currency as an amount, anything else as a number."""
    if unit in decimals:
        return f"{unit} {number(in_units(value, decimals[unit]), decimals[unit])}"
    return f"{number(value)} {unit}"


def number(value: Decimal | str | int, decimals: int = 0, *, is_grouped: bool = True) -> str:
    """A number as people write it, with every digit that it has: no exponent, and no zeros that only fill a scale beyond so many ``decimals``."""
    exact = Decimal(value)
    whole, _, behind = format(exact if exact else exact.copy_abs(), ",f" if is_grouped else "f").partition(".")
    behind = behind.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{behind}" if behind else whole


def counted(count: int, noun: str) -> str:
    """``1 document``, ``2 documents``, ``3 journal entries``."""
    several = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else several}"


def in_units(minor: Decimal | str | int, exponent: int) -> Decimal:
    """Minor units of a currency of so many decimals in its units, exactly."""
    return Decimal(minor).scaleb(-exponent, _EXACT)
