"""Amounts and other numbers as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dagster_project.close.steps import Checkpoint
from dagster_project.quantities import in_units, number, quantity

DECIMALS = {"USD": 2, "JPY": 0, "BHD": 3}


@pytest.mark.parametrize(
    ("value", "unit", "read"),
    [
        ("1874041.0000000000000", "USD", "USD 18,740.41"),
        ("-5", "USD", "USD -0.05"),
        ("1200", "JPY", "JPY 1,200"),
        ("1", "BHD", "BHD 0.001"),
        ("31.0000000000000", "days", "31 days"),
        ("0.5000", "gigabyte", "0.5 gigabyte"),
        ("0E-13", "events", "0 events"),
        ("0.5", "USD", "USD 0.005"),
        ("1234567890123456789012345678901234567.8", "JPY", "JPY 1,234,567,890,123,456,789,012,345,678,901,234,567.8"),
    ],
)
def test_a_value_is_read_with_the_decimals_of_its_currency_or_as_the_number_that_it_is(value: str, unit: str, read: str) -> None:
    assert quantity(value, unit, DECIMALS) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("12.0000000000000", "12"),
        ("0.0000000000001", "0.0000000000001"),
        ("-0.000", "0"),
        ("0E-13", "0"),
        ("1E+5", "100,000"),
        ("-1234.5000", "-1,234.5"),
        ("1200", "1,200"),
        ("1234567890123456789012345.6789012345678", "1,234,567,890,123,456,789,012,345.6789012345678"),
    ],
)
def test_a_number_has_every_digit_that_it_has_and_no_zero_that_only_fills_its_scale(value: str, read: str) -> None:
    assert number(value) == read
    assert number(value, is_grouped=False) == read.replace(",", "")
    assert Decimal(number(value, is_grouped=False)) == Decimal(value)


def test_an_amount_has_all_decimals_of_its_currency_and_more_only_where_it_has_more() -> None:
    assert [number(in_units(minor, 2), 2) for minor in (120050, 5, -100, Decimal("0.25"))] == ["1,200.50", "0.05", "-1.00", "0.0025"]
    assert number(in_units(10**37 + 1, 3), 3) == "10,000,000,000,000,000,000,000,000,000,000,000.001"


def test_a_checkpoint_is_read_in_amounts() -> None:
    names = ("title", "left_side", "right_side", "status", "entity", "period")
    values = {"left_value": "1874041.0", "right_value": "1849041.0", "excused_value": "0.0", "difference": "25000.0"}
    checkpoint = Checkpoint(checkpoint="K8", measure="amount", unit="USD", break_count=1, **dict.fromkeys(names, ""), **values)
    shown = checkpoint.as_read(DECIMALS)
    assert {name: shown[name] for name in values} == {
        "left_value": "USD 18,740.41",
        "right_value": "USD 18,490.41",
        "excused_value": "USD 0.00",
        "difference": "USD 250.00",
    }
