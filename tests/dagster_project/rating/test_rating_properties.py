"""What must hold for any price and any usage. Hypothesis makes the examples; the models rate them all together, in two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from dagster_project.rating.cases import rate_scenarios
from reverse_etl.cases import RatedScenario
from reverse_etl.cases.scenario import FIRST_DAY, Charge, Scenario, Subscription, Tier, UsageEvent, flat, of_charge, quantity_event

Example = TypeVar("Example")
STEP = Decimal("0.000001")
EXPONENTS = {"JPY": 0, "USD": 2, "KWD": 3}
CENT = Decimal("0.01")

QUANTITIES = st.decimals("0.001", "5000", places=3)
PRICES = st.decimals("0", "20", places=6)
FEES = st.sampled_from(["0", "1.25", "10"])


def collected(strategy: st.SearchStrategy[Example], count: int) -> list[Example]:
    """The same examples every time; the first is the simplest there is."""
    found: list[Example] = []

    @seed(20260131)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example: Example) -> None:
        found.append(example)

    collect()
    assert len(found) >= count
    return found


@st.composite
def prices(draw: st.DrawFn, models: tuple[str, ...] = ("graduated", "volume", "package")) -> Charge:
    bounds = sorted(draw(st.sets(st.integers(1, 3000), max_size=3)))
    model = draw(st.sampled_from(models))
    size = str(draw(st.integers(1, 50))) if model == "package" else ""
    tiers = [Tier(bound, format(draw(PRICES), "f"), draw(FEES), block_size=size) for bound in (*map(str, bounds), None)]
    return Charge(model, tiers)


@dataclass(frozen=True)
class Examples:
    usage: list[tuple[Charge, list[Decimal]]]
    bounded: list[tuple[Charge, Decimal]]
    documents: list[tuple[list[int], int, str]]
    currencies: list[tuple[Decimal, Decimal]]
    rated: Mapping[str, RatedScenario]


@pytest.fixture(scope="module")
def examples() -> Examples:
    usage = collected(st.tuples(prices(), st.lists(QUANTITIES, min_size=2, max_size=5)), 40)
    bounded = collected(st.tuples(prices(("graduated", "volume")), QUANTITIES), 30)
    documents = collected(
        st.tuples(st.lists(st.integers(0, 100_000), min_size=1, max_size=6), st.integers(0, 150_000), st.sampled_from(["7.25", "19", "0.005"])), 30
    )
    currencies = collected(st.tuples(QUANTITIES, PRICES), 30)
    scenarios: dict[str, Scenario] = {}
    for place, (charge, parts) in enumerate(usage):
        scenarios |= {f"usage-{place}-{way}": scenario for way, scenario in ways(charge, parts).items()}
    for place, (charge, quantity) in enumerate(bounded):
        for way, total in around(charge, quantity).items():
            scenarios[f"bounded-{place}-{way}"] = whole(charge, total)
    for place, (amounts, taken, rate) in enumerate(documents):
        scenarios[f"document-{place}"] = document(amounts, taken, rate)
    for place, (quantity, price) in enumerate(currencies):
        for currency in EXPONENTS:
            charge = Charge("per_unit", (Tier(None, format(price, "f")),))
            scenarios[f"currency-{place}-{currency}"] = of_charge(charge, [quantity_event(FIRST_DAY, quantity)], currency=currency)
    return Examples(usage, bounded, documents, currencies, rate_scenarios(scenarios))


def whole(charge: Charge, quantity: Decimal) -> Scenario:
    return of_charge(charge, [quantity_event(FIRST_DAY, quantity)])


def ways(charge: Charge, parts: list[Decimal]) -> dict[str, Scenario]:
    """The same usage in one event, in several, delivered backwards on several days, and in two runs of which the first is issued."""
    split = [quantity_event(FIRST_DAY, part, minutes=minute) for minute, part in enumerate(parts)]
    backwards = [replace(event, arrives_after_days=len(parts) - place) for place, event in enumerate(split)]
    late = [replace(event, run=min(place, 1)) for place, event in enumerate(split)]
    return {
        "whole": whole(charge, sum(parts, Decimal(0))),
        "split": of_charge(charge, split),
        "backwards": of_charge(charge, backwards[::-1]),
        "late": in_two_runs(charge, late),
        "again": in_two_runs(charge, split),
    }


def in_two_runs(charge: Charge, events: list[UsageEvent]) -> Scenario:
    return of_charge(charge, events, runs=2)


def around(charge: Charge, quantity: Decimal) -> dict[str, Decimal]:
    """A quantity and a little more; each bound of a tier and a little more."""
    points = {"quantity": quantity} | {f"bound-{tier.up_to}": Decimal(tier.up_to) for tier in charge.tiers if tier.up_to}
    return points | {f"{name}-more": point + STEP for name, point in points.items()}


def document(amounts: list[int], taken: int, rate: str) -> Scenario:
    """Lines of a document with a discount in minor units that is spread over them, and a tax."""
    charges = [flat(f"{place:03}", amount * CENT, taxes=(rate,)) for place, amount in enumerate(amounts)]
    discount = flat("discount", taken * CENT, "discount", "fixed")
    return Scenario((Subscription([*charges, discount], FIRST_DAY, FIRST_DAY.replace(month=2)),), (quantity_event(FIRST_DAY, "0", meter="none"),))


def test_usage_costs_what_its_tiers_say(examples: Examples) -> None:
    for place, (charge, parts) in enumerate(examples.usage):
        assert examples.rated[f"usage-{place}-whole"].amount_precise == said(charge, sum(parts, Decimal(0))), (charge, parts)
    for place, (charge, quantity) in enumerate(examples.bounded):
        for way, total in around(charge, quantity).items():
            assert examples.rated[f"bounded-{place}-{way}"].amount_precise == said(charge, total), (charge, total)


def test_batches_and_their_order_change_nothing(examples: Examples) -> None:
    for place, example in enumerate(examples.usage):
        one = examples.rated[f"usage-{place}-whole"]
        for way in ("split", "backwards", "late"):
            other = examples.rated[f"usage-{place}-{way}"]
            assert (other.amount_precise, other.amount_minor, other.quantity) == (one.amount_precise, one.amount_minor, one.quantity), (way, example)


def test_what_runs_issue_adds_up_to_what_one_would(examples: Examples) -> None:
    for place, example in enumerate(examples.usage):
        late = examples.rated[f"usage-{place}-late"]
        assert sum(run.net_minor() for run in late.runs) == examples.rated[f"usage-{place}-whole"].amount_minor, example


def test_a_rerun_with_nothing_new_issues_nothing(examples: Examples) -> None:
    issued = 0
    for place, example in enumerate(examples.usage):
        first, second = examples.rated[f"usage-{place}-again"].runs
        issued += first.net_minor()
        assert list(second.documents) == [], example
    assert issued > 0


def test_graduated_usage_never_costs_less_for_more_and_jumps_by_flat_fees_only(examples: Examples) -> None:
    def amount(place: int, way: str) -> Decimal:
        return examples.rated[f"bounded-{place}-{way}"].amount_precise

    for place, (charge, quantity) in enumerate(examples.bounded):
        if charge.model != "graduated":
            continue
        points = around(charge, quantity)
        rising = sorted((total, amount(place, way)) for way, total in points.items())
        assert [paid for _, paid in rising] == sorted(paid for _, paid in rising), (charge, quantity)
        for below, above in zip(charge.tiers, charge.tiers[1:], strict=False):
            step = amount(place, f"bound-{below.up_to}-more") - amount(place, f"bound-{below.up_to}")
            assert step == STEP * Decimal(above.unit_price) + Decimal(above.flat_fee), (charge, below)


def test_what_is_spread_over_lines_adds_up_to_what_was_spread(examples: Examples) -> None:
    for place, (amounts, taken, rate) in enumerate(examples.documents):
        run, base = examples.rated[f"document-{place}"].runs[0], sum(amounts)
        shares = {int(line.charge): line.discount_minor for line in run.lines}
        spread = min(taken, base)
        assert sum(shares.values()) == spread, (amounts, taken)
        for number, amount in enumerate(amounts):
            exact = Decimal(spread * amount) / base if base else Decimal(0)
            assert exact.to_integral_value(ROUND_FLOOR) <= shares[number] <= exact + 1, (amounts, taken)
        taxed = Decimal(base - spread) * Decimal(rate) / 100
        assert run.tax_minor() == taxed.quantize(Decimal(1), ROUND_HALF_UP), (amounts, taken, rate)


@pytest.mark.parametrize("currency", EXPONENTS)
def test_an_amount_is_rounded_once_at_the_exponent_of_its_currency(examples: Examples, currency: str) -> None:
    for place, (quantity, price) in enumerate(examples.currencies):
        rated = examples.rated[f"currency-{place}-{currency}"]
        assert rated.amount_precise == quantity * price
        assert rated.amount_minor == (quantity * price).scaleb(EXPONENTS[currency]).quantize(Decimal(1), ROUND_HALF_UP), (quantity, price)


def said(charge: Charge, quantity: Decimal) -> Decimal:
    """The price as its definition reads, tier by tier; in Python's decimals, which share nothing with the models."""
    amount, lower = Decimal(0), Decimal(0)
    for tier in charge.tiers:
        upper = quantity if tier.up_to is None else min(quantity, Decimal(tier.up_to))
        reached = tier.up_to is None or quantity <= Decimal(tier.up_to)
        if quantity > lower and charge.model != "volume":
            amount += counted(tier, upper - lower) * Decimal(tier.unit_price) + Decimal(tier.flat_fee)
        elif quantity > lower and reached:
            amount += quantity * Decimal(tier.unit_price) + Decimal(tier.flat_fee)
        lower = lower if tier.up_to is None else Decimal(tier.up_to)
    return amount


def counted(tier: Tier, units: Decimal) -> Decimal:
    return (units / Decimal(tier.block_size)).to_integral_value(ROUND_CEILING) if tier.block_size else units
