"""Amounts as people read them."""

from __future__ import annotations

import pytest

from dagster_project.close.steps import Checkpoint
from dagster_project.quantities import quantity

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
    ],
)
def test_a_value_is_read_with_the_decimals_of_its_currency_or_as_the_number_that_it_is(value: str, unit: str, read: str) -> None:
    assert quantity(value, unit, DECIMALS) == read


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
