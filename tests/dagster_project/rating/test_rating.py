"""``tieout rate``: cases priced by the models that price production. All files of cases are rated together, once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dagster_project.cli import run
from dagster_project.rating import cases
from dagster_project.rating.cases import RatingFailedError, rate_cases
from reverse_etl.cases import Case, CaseResult, RatedScenario, read_cases
from reverse_etl.cases.comparison import agrees
from reverse_etl.cases.scenario import Scenario

OWN = Path(__file__).resolve().parents[2] / "reverse_etl" / "cases" / "own_cases.json"
GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "data" / "golden_rating_cases.json"
INCLUSIVE = "tax within random amounts"
# Policies that a good product does not have.
REFUSED = {
    "edge-half-even-vs-half-up": "rounding half to even is refused",
    "lago-days-paris-september": "inclusive period ends",
    "lago-days-paris-october-dst-end": "inclusive period ends",
    "lago-days-utc-midnight-end": "inclusive period ends",
}

Rated = dict[str, tuple[Case, CaseResult]]


def inclusive_case(seed: int) -> Case:
    """An amount and its rate, and what is within it by fractions, which share nothing with the models."""
    chance = Random(seed)
    gross, percent, rounded = chance.randint(1, 10**9), Decimal(chance.randint(1, 999_999)).scaleb(-4), chance.choice(("net", "tax"))
    share = 1 / (1 + Fraction(percent) / 100)
    exact = gross * (share if rounded == "net" else 1 - share)
    whole = int(exact + Fraction(1, 2))
    net = whole if rounded == "net" else gross - whole
    params = {"gross": str(Decimal(gross).scaleb(-2)), "tax_percent": str(percent), "round": rounded}
    expected = {"net": str(Decimal(net).scaleb(-2)), "tax": str(Decimal(gross - net).scaleb(-2))}
    return Case(f"inclusive-{seed}", "tax_inclusive", params, expected=expected)


@pytest.fixture(scope="module")
def rated() -> dict[str, Rated]:
    """The cases with their results by id, by the name of their file."""
    files = {path.name: read_cases(path) for path in (OWN, GOLDEN) if path.is_file()}
    files[INCLUSIVE] = [inclusive_case(seed) for seed in range(40)]
    results = iter(rate_cases([case for cases in files.values() for case in cases]))
    return {
        name: {result.id: (case if isinstance(case, Case) else Case(result.id, ""), result) for case, result in zip(cases, results, strict=False)}
        for name, cases in files.items()
    }


@pytest.mark.parametrize("entry", json.loads(OWN.read_text()), ids=lambda entry: str(entry["id"]))
def test_a_case_of_our_own_says_what_was_computed_by_hand(rated: dict[str, Rated], entry: dict[str, Any]) -> None:
    _, result = rated[OWN.name][entry["id"]]
    if "expected_error" in entry:
        assert result.result is None
        assert str(result.error).startswith(entry["expected_error"])
    else:
        assert result.error is None
        assert agrees(entry["expected"], result.result), result.result


def test_tax_that_is_within_a_price_is_what_fractions_say(rated: dict[str, Rated]) -> None:
    assert len(rated[INCLUSIVE]) == 40
    for case, result in rated[INCLUSIVE].values():
        assert agrees(case.expected, result.result), (case, result)


@pytest.mark.skipif(not GOLDEN.is_file(), reason="the golden cases are not here")
def test_the_golden_cases_agree_but_for_the_policies_that_are_refused(rated: dict[str, Rated]) -> None:
    golden = rated[GOLDEN.name]
    assert len(golden) == 179
    unrated = {case_id: result.error for case_id, (_, result) in golden.items() if result.error is not None}
    different = {
        case_id: result.result for case_id, (case, result) in golden.items() if result.error is None and not agrees(case.expected, result.result)
    }
    assert different == {}
    assert set(unrated) == set(REFUSED)
    assert all(reason in str(unrated[case_id]) for case_id, reason in REFUSED.items())


def test_the_command_answers_each_case_in_its_place_and_a_bad_one_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [
        {"id": "good", "model": "per_unit", "params": {"unit_price": "2", "currency": "JPY"}, "usage": "1.6", "expected": {"amount": "3"}},
        {"id": "unknown", "model": "telepathy"},
        {"id": "held", "model": "per_unit", "params": {"unit_price": "-2"}, "usage": "1"},
        "no case",
        {"id": "different", "model": "per_unit", "params": {"unit_price": "2"}, "usage": "1", "expected": {"amount": "3"}},
    ]
    assert rate(tmp_path, cases) == [
        {"id": "good", "result": {"amount": "3"}, "error": None},
        {"id": "unknown", "result": None, "error": "the model 'telepathy' is not known"},
        {"id": "held", "result": None, "error": "the line is held: missing_price; refused reference data: price: negative_price"},
        {"id": "#3", "result": None, "error": "a case is a JSON object"},
        {"id": "different", "result": {"amount": "2"}, "error": None},
    ]
    assert "Rated 2 of 5 cases; 1 of 2 agree with what they expect" in capsys.readouterr().out


def test_a_case_on_which_the_models_fail_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """No case that is known does: whatever does is found by halves."""
    given = [Case(str(number), "per_unit", {"unit_price": str(number)}, "1") for number in range(9)]

    def rate_all_but_the_seventh(scenarios: Mapping[str, Scenario]) -> dict[str, RatedScenario]:
        if any(key.startswith("case-6-") for key in scenarios):
            raise RatingFailedError("out of range")
        return {key: RatedScenario(Decimal(key.split("-")[1]), 0, 2, Decimal(1)) for key in scenarios}

    monkeypatch.setattr(cases, "rate_scenarios", rate_all_but_the_seventh)
    results = rate_cases([replace(case, expected={"amount": "?"}) for case in given])

    assert [result.id for result in results] == [case.id for case in given]
    assert [result.result for result in results] == [{"amount": str(number)} if number != 6 else None for number in range(9)]
    assert results[6].error == "out of range"


def test_a_fault_that_is_with_no_case_ends_the_rating(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Mapping[str, Scenario]) -> dict[str, RatedScenario]:
        raise RatingFailedError("the disk is full")

    monkeypatch.setattr(cases, "rate_scenarios", fail)
    with pytest.raises(RatingFailedError, match="the disk is full"):
        rate_cases([Case(str(number), "per_unit", {"unit_price": "1"}, "1") for number in range(100)])


def test_a_list_without_cases_is_answered_by_one_without_results(tmp_path: Path) -> None:
    assert rate(tmp_path, []) == []


def rate(folder: Path, cases: list[Any]) -> Any:
    (folder / "cases.json").write_text(json.dumps(cases))
    assert run(["--home", str(folder / "home"), "rate", "--input", str(folder / "cases.json"), "--output", str(folder / "results.json")]) == 0
    return json.loads((folder / "results.json").read_text())
