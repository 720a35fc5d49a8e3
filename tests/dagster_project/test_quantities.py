"""Amounts and other numbers as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dagster_project.close.approvals import gate_evidence
from dagster_project.close.periods import sealed_in_words
from dagster_project.close.steps import Checkpoint
from dagster_project.quantities import counted, in_units, number, quantity
from reverse_etl.register import PeriodSeal, SealMeasure
from reverse_etl.register.records.periods import ACCOUNT, ALL_DOCUMENTS, DOCUMENTS

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


def test_one_is_no_plural() -> None:
    assert [counted(count, "journal entry") for count in (0, 1, 2_000)] == ["0 journal entries", "1 journal entry", "2,000 journal entries"]


def test_what_is_signed_off_is_told_in_documents_and_amounts() -> None:
    measures = (
        SealMeasure(ALL_DOCUMENTS, "*", None, 4),
        SealMeasure(DOCUMENTS, "credit_memo", "JPY", 1, 115_056),
        SealMeasure(DOCUMENTS, "customer", "USD", 1, 0),
        SealMeasure(DOCUMENTS, "journal_entry", "JPY", 1, 4_187_146),
        SealMeasure(DOCUMENTS, "journal_entry", "USD", 1, 10_508_996),
        SealMeasure(ACCOUNT, "4100", "USD", 1, 10_508_996),
    )
    assert sealed_in_words(PeriodSeal("acme", "2026-03", 17, measures)) == (
        "every checkpoint tied when it was closed; 1 credit memo (JPY 115,056), 1 customer, 2 journal entries (JPY 4,187,146, USD 105,089.96)"
    )


def test_what_a_run_gate_stops_is_told_in_amounts() -> None:
    row = {
        "cause": "late_usage",
        "functional_currency": "USD",
        "exponent": 2,
        "line_count": 1,
        "customer_count": 1,
        "gross_minor": "1250050",
        "gross_limit": "5000",
        "line_limit": 100,
        "is_over_norm": False,
        "norm_minor": None,
    }
    assert gate_evidence(row) == "late_usage: 1 line of 1 customer, gross USD 12,500.50; up to USD 5,000.00 or 100 lines goes on without approval"
    regular = {
        **row,
        "cause": "usage_and_fees",
        "customer_id": "C7",
        "is_over_norm": True,
        "norm_months": 1,
        "norm_minor": "10000",
        "norm_customers": 1,
    }
    told = "usage_and_fees of customer C7: gross USD 12,500.50 of 1 customer; in the month before, USD 100.00 of 1"
    assert gate_evidence(regular) == told
