"""JSON without binary floating point, and how long a server asks to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.transport import read_json, retry_after, write_json

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_whatever_is_written_is_json_and_is_read_again_exactly(value: Any) -> None:
    written = write_json(value)
    json.loads(written)
    assert read_json(written) == value


def test_an_amount_keeps_its_decimals() -> None:
    assert write_json({"amount": Decimal("119.10"), "small": Decimal("1E-7")}) == b'{"amount":119.10,"small":0.0000001}'
    assert read_json(b'{"amount": 119.10}')["amount"].as_tuple().exponent == -2


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("Infinity"), {1: 2}, object(), b"x"])
def test_what_json_cannot_carry_exactly_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        write_json(value)


@given(st.binary())
def test_any_bytes_can_be_read(body: bytes) -> None:
    read_json(body)


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a":Infinity}', b"[" * 100_000, b"1" * 5000, b"\xff"])
def test_what_is_no_json_is_none(body: bytes) -> None:
    assert read_json(body) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "9" * 400}, 86_400.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 31 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:30 GMT", "date": "Sat, 31 Jan 2026 12:00:20 GMT"}, 10.0),
        ({"retry-after": "Sat, 99 Jan 2026 12:00:30 GMT"}, None),
    ],
)
def test_both_forms_of_retry_after_are_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
