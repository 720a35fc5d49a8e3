"""A file of cases: every entry is answered, whatever is wrong with it."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from reverse_etl.cases import Case, CaseError, CaseResult, compile_case, read_cases, write_results
from reverse_etl.cases.case import decimal_of, plain
from reverse_etl.cases.comparison import agrees
from reverse_etl.cases.models.terms import EXPONENTS
from reverse_etl.errors import ConfigurationError

CURRENCIES = Path(__file__).resolve().parents[3] / "dbt_project" / "seeds" / "currencies.csv"


def test_minor_units_of_cases_are_those_of_the_models() -> None:
    with CURRENCIES.open(newline="") as stream:
        exponents = {row["currency"]: int(row["exponent"]) for row in csv.DictReader(stream)}
    assert {currency: exponent for currency, exponent in exponents.items() if exponent != 2} == EXPONENTS


def test_entries_that_are_no_cases_are_answered_in_their_place(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([{"id": "a", "model": "volume"}, 7, {"id": "b"}, {"id": None}, {"id": "c", "model": "volume", "params": []}]))

    first, *others = read_cases(path)

    assert isinstance(first, Case)
    assert (first.id, first.model) == ("a", "volume")
    assert others[:2] == [CaseResult("#1", None, "a case is a JSON object"), CaseResult("b", None, "the case names no model")]
    assert others[2] == CaseResult("#3", None, "the case names no model")


@pytest.mark.parametrize("content", ["{}", "[", "7", "[" * 100_000, "[1e99999999999999999999]"])
def test_a_file_that_is_no_list_of_cases_is_refused_whole(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"cases\.json"):
        read_cases(path)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case("x", "telepathy"), "'telepathy' is not known"),
        (Case("x", "per_unit", {"unit_price": "cheap"}, "1"), "unit_price is not a decimal number"),
        (Case("x", "per_unit", {"unit_price": 0.1}, "1"), "unit_price is not a decimal number"),
        (Case("x", "per_unit", {"unit_price": "NaN"}, "1"), "unit_price is not a decimal number"),
        (Case("x", "per_unit", {"unit_price": "1"}), "usage is to be one quantity"),
        (Case("x", "per_unit", {"unit_price": "1", "quantity_rounding": "sideways"}, "1"), "rounding 'sideways' is not known"),
        (Case("x", "package", {"package_size": "10"}, "1"), "params lacks 'package_price'"),
        (Case("x", "weighted_sum", {}, events=[]), "the case has no period"),
        (Case("x", "currency_rounding", {"currency": "USD", "mode": "half_even"}, "1"), "half to even is refused"),
    ],
)
def test_a_case_that_cannot_be_rated_says_why(case: Case, reason: str) -> None:
    with pytest.raises(CaseError, match=reason):
        compile_case(case)


def test_numbers_are_written_plainly_and_compared_by_value(tmp_path: Path) -> None:
    assert [plain(Decimal(text)) for text in ("1E+3", "3.0", "-0", "0.0050", "100")] == ["1000", "3", "0", "0.005", "100"]
    assert decimal_of("9007199254740993", "usage") == 9007199254740993
    assert agrees({"amount": "3.0", "lines": ["1", "2.50"]}, {"amount": "3", "lines": ["1", "2.5"], "more": "1"})
    assert not agrees({"amount": "3.0"}, {"amount": "3.01"})
    assert not agrees({"amount": "3"}, {"quantity": "3"})
    assert not agrees(["1"], ["1", "1"])

    path = tmp_path / "results.json"
    write_results(path, [CaseResult("a", {"amount": "3"}), CaseResult("b", None, "no")])
    assert json.loads(path.read_text()) == [{"id": "a", "result": {"amount": "3"}, "error": None}, {"id": "b", "result": None, "error": "no"}]
