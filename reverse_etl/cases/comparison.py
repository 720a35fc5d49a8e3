"""Whether an answer is what a case expects: numbers by value, everything else by itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any


def agrees(expected: Any, found: Any) -> bool:
    """``"3.0"`` agrees with ``"3"``; an answer may say more than was expected, never less."""
    if isinstance(expected, Mapping):
        return isinstance(found, Mapping) and all(key in found and agrees(value, found[key]) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(agrees, expected, found))
    try:
        return Decimal(str(expected)) == Decimal(str(found))
    except InvalidOperation:
        return bool(expected == found)
