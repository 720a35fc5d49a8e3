"""Stripe's form encoding: nested objects and lists as ``lines[0][period][start]=1``. Pure.

Source: https://docs.stripe.com/api (request bodies are ``application/x-www-form-urlencoded``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode


def encode_form(form: Mapping[str, Any]) -> bytes:
    """Encode strings, integers, booleans, lists and objects of them; None leaves a member out, "" unsets it at Stripe."""
    return urlencode(list(_pairs(dict(form), ""))).encode()


def _pairs(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _pairs(inner, f"{path}[{name}]" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _pairs(inner, f"{path}[{index}]")
    elif isinstance(value, bool):
        yield path, "true" if value else "false"
    else:
        yield path, str(value)
