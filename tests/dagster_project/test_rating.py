"""``tieout rate``: cases priced by the models that price production, and what must hold for any price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.cli import run
from dagster_project.rating import rate_cases, rate_scenarios
from reverse_etl.cases import Case, RatedScenario, read_cases
from reverse_etl.cases.comparison import agrees
from reverse_etl.cases.scenario import FIRST_DAY, Charge, Scenario, Tier, of_charge, quantity_event

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "data" / "golden_rating_cases.json"
# Models of cases that are not rated yet; each is named by the answer, none is passed over.
UNKNOWN_MODELS_ALLOWED = 13
REFUSED = {
    "edge-half-even-vs-half-up": "rounding half to even is refused",
    "lago-days-paris-september": "inclusive period ends",
    "lago-days-paris-october-dst-end": "inclusive period ends",
    "lago-days-utc-midnight-end": "inclusive period ends",
}

TIERS = [{"up_to": "10", "unit_price": "3", "flat_fee": "0"}, {"up_to": None, "unit_price": "2", "flat_fee": "5"}]
OWN_CASES: list[tuple[str, dict[str, Any], Mapping[str, str]]] = [
    ("graduated", {"params": {"tiers": TIERS}, "usage": "10.5"}, {"amount": "36"}),
    ("volume", {"params": {"tiers": TIERS}, "usage": "10.5"}, {"amount": "26"}),
    ("per_unit", {"params": {"unit_price": "0.335", "currency": "JPY"}, "usage": "10"}, {"amount": "3", "amount_precise": "3.35"}),
    ("package", {"params": {"package_size": "12", "package_price": "7", "free_units": "1"}, "usage": "26"}, {"amount": "21"}),
    ("percentage", {"params": {"rate_percent": "2.5"}, "usage": {"units": "100", "event_count": 2}}, {"amount": "2.5"}),
    ("per_unit", {"params": {"unit_price": "1"}, "usage": "-3"}, {"error": "the line is held: negative_net_usage"}),
    ("per_unit", {"params": {"unit_price": "999999"}, "usage": "99999999999999"}, {"error": "the line is held: amount_out_of_range"}),
    ("graduated", {"params": {"tiers": [{"up_to": "5", "unit_price": "-1"}]}, "usage": "3"}, {"error": "the line is held: missing_price"}),
    ("graduated", {"params": {"tiers": "free"}, "usage": "3"}, {"error": "the case does not have the form of its model graduated"}),
]


def test_each_case_is_answered_in_its_place_and_a_bad_one_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given_cases = [{"id": f"own-{place}", "model": model, **content} for place, (model, content, _) in enumerate(OWN_CASES)]
    (tmp_path / "cases.json").write_text(json.dumps([*given_cases, "no case"]))

    assert run(["--home", str(tmp_path / "home"), "rate", "--input", str(tmp_path / "cases.json"), "--output", str(tmp_path / "results.json")]) == 0

    results = json.loads((tmp_path / "results.json").read_text())
    assert [result["id"] for result in results] == [*(f"own-{place}" for place in range(len(OWN_CASES))), f"#{len(OWN_CASES)}"]
    for (model, _, expected), result in zip(OWN_CASES, results, strict=False):
        if "error" in expected:
            assert result["error"].startswith(expected["error"]), model
        else:
            assert agrees(expected, result["result"]), (model, result)
    assert "Rated 5 of 10 cases" in capsys.readouterr().out


@pytest.mark.skipif(not GOLDEN.is_file(), reason="the golden cases are not here")
def test_the_golden_cases_agree() -> None:
    cases = read_cases(GOLDEN)
    assert all(isinstance(case, Case) for case in cases)
    results = rate_cases(cases)
    unknown = [result.id for result in results if result.error and result.error.endswith("is not known")]
    refused = {result.id: result.error for result in results if result.error and result.id not in unknown}
    wrong = {
        case.id: (case.expected, result.result)
        for case, result in zip(cases, results, strict=True)
        if isinstance(case, Case) and result.result is not None and not agrees(case.expected, result.result)
    }
    assert wrong == {}
    assert set(refused) == set(REFUSED)
    assert all(reason in str(refused[case_id]) for case_id, reason in REFUSED.items())
    assert len(unknown) <= UNKNOWN_MODELS_ALLOWED


QUANTITIES = st.decimals("0.001", "5000", places=3)
PRICES = st.decimals("0", "20", places=6)


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    bounds = sorted(draw(st.sets(st.integers(1, 3000), max_size=3)))
    fees = st.sampled_from(["0", "1.25", "10"])
    tiers = [Tier(str(bound), format(draw(PRICES), "f"), draw(fees)) for bound in bounds] + [Tier(None, format(draw(PRICES), "f"), draw(fees))]
    return Charge(draw(st.sampled_from(["graduated", "volume"])), tiers)


def whole(charge: Charge, quantity: Decimal) -> Scenario:
    return of_charge(charge, [quantity_event(FIRST_DAY, quantity)])


@settings(max_examples=1, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(charges(), st.lists(QUANTITIES, min_size=2, max_size=5)), min_size=50, max_size=50))
def test_usage_costs_what_its_tiers_say_however_it_arrives_and_more_of_it_never_less(examples: list[tuple[Charge, list[Decimal]]]) -> None:
    scenarios: dict[str, Scenario] = {}
    for place, (charge, parts) in enumerate(examples):
        split = [quantity_event(FIRST_DAY, part, minutes=minute) for minute, part in enumerate(parts)]
        backwards = [quantity_event(FIRST_DAY, part, minutes=minute) for minute, part in enumerate(reversed(parts))]
        scenarios |= {f"{place}-whole": whole(charge, sum(parts, Decimal(0))), f"{place}-less": whole(charge, parts[0])}
        scenarios |= {f"{place}-split": of_charge(charge, split), f"{place}-backwards": of_charge(charge, backwards)}
    rated = rate_scenarios(scenarios)
    for place, (charge, parts) in enumerate(examples):
        one, two, three, less = (rated[f"{place}-{way}"] for way in ("whole", "split", "backwards", "less"))
        assert one.amount_precise == two.amount_precise == three.amount_precise
        assert one.quantity == two.quantity == three.quantity
        assert_said(one, charge, sum(parts, Decimal(0)))
        assert_said(less, charge, parts[0])
        if charge.model == "graduated":
            assert less.amount_precise <= one.amount_precise


def assert_said(rated: RatedScenario, charge: Charge, quantity: Decimal) -> None:
    """The price as its definition reads, unit by unit of each tier; in Python's decimals, which share nothing with the models."""
    amount, lower = Decimal(0), Decimal(0)
    for tier in charge.tiers:
        upper = quantity if tier.up_to is None else min(quantity, Decimal(tier.up_to))
        if quantity > lower:
            reached = tier.up_to is None or quantity <= Decimal(tier.up_to)
            if charge.model == "graduated":
                amount += (upper - lower) * Decimal(tier.unit_price) + Decimal(tier.flat_fee)
            elif reached:
                amount += quantity * Decimal(tier.unit_price) + Decimal(tier.flat_fee)
        lower = lower if tier.up_to is None else Decimal(tier.up_to)
    assert rated.amount_precise == amount, (charge, quantity)
