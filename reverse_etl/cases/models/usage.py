"""Cases whose usage is a quantity: tiers, packages, blocks, limits, conversions, buckets and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, amount_of, compiles, stated
from reverse_etl.cases.models.plans import planned
from reverse_etl.cases.models.terms import (
    DAY,
    bounds,
    currency_of,
    first_day,
    listed,
    number,
    package_of,
    price_terms,
    quantity_of,
    text,
    tiers_of,
)
from reverse_etl.cases.scenario import FINEST, Charge, Scenario, Subscription, Tier, of_charge, quantity_event


@compiles("graduated", "volume", "graduated_percentage")
def tiered(case: Case) -> Answered:
    return planned(case, Charge(case.model, tiers_of(case), price_terms(case)))


@compiles("per_unit", "per_unit_min_max", "tier_cap", "unit_rounding", "unit_conversion_graduated", "dynamic_multiplier", "flat_per_unit")
def per_unit(case: Case) -> Answered:
    """Of unit prices; with tiers it is graduated. Without a price it asks for the quantity."""
    terms = price_terms(case)
    if "tiers" in case.params:
        return planned(case, Charge("graduated", tiers_of(case), terms))
    stated_price = number(case, "unit_price", "multiplier")
    if stated_price is None and case.model != "unit_rounding" and not set(case.expected or ("amount",)) <= {"quantity"}:
        raise CaseError(f"params lacks 'unit_price', which the model {case.model} needs for all but a quantity")
    price = "1" if stated_price is None else format(stated_price, "f")
    charge = Charge("per_unit", (Tier(None, price),), terms)
    currencies = (case.expected or {}).get("amount_by_currency", {})
    main = planned(case, charge)
    others = {currency: planned(case, charge, currency=currency).scenarios[MAIN] for currency in currencies}
    return Answered({**main.scenarios, **others}, main.says)


@compiles("package")
def package(case: Case) -> Answered:
    tiers = tiers_of(case) if "tiers" in case.params else (package_of(case),)
    return planned(case, Charge("package", tiers, price_terms(case)))


@compiles("volume_blocks", "graduated_blocks")
def blocks(case: Case) -> Answered:
    tiers, bound = [], Decimal(0)
    for block in case.parameter("blocks"):
        size = decimal_of(block.get("block_size"), "block_size")
        limit = block.get("max_blocks")
        bound += size * decimal_of(limit, "max_blocks") if limit is not None else Decimal(0)
        tiers.append(Tier(None if limit is None else format(bound, "f"), text(block.get("block_price"), "block_price"), block_size=format(size, "f")))
    return planned(case, Charge(case.model.removesuffix("_blocks"), tiers, price_terms(case)))


@compiles("allowance_overage")
def allowance(case: Case) -> Mapping[str, Scenario] | Answered:
    if case.params.get("included_prorated"):
        raise CaseError("an allowance that is prorated within the period is refused: state the included units of the period")
    prices = tiers_of(case) if "tiers" in case.params else (Tier(None, text(case.parameter("overage_price"), "overage_price")),)
    charge = Charge("graduated" if "tiers" in case.params else "per_unit", prices, price_terms(case))
    if not isinstance(case.usage, dict) or "quantities" not in case.usage:
        return planned(case, charge)
    scenarios = {str(place): scenario(case, charge, usage=quantity) for place, quantity in enumerate(listed(case, "quantities"))}
    return Answered(scenarios, {"amounts": lambda rated: [amount_of(case, rated[place]) for place in scenarios]})


@compiles("bucketed_max", "bucketed_max_graduated", "bucketed_max_volume", "bucketed_max_package")
def bucketed_max(case: Case) -> Answered:
    """The greatest quantity of each day, each rated by itself."""
    model = case.model.removeprefix("bucketed_max").removeprefix("_") or "per_unit"
    if "tiers" in case.params:
        tiers = tiers_of(case)
    elif "package_size" in case.params:
        tiers = (package_of(case),)
    else:
        tiers = (Tier(None, text(case.parameter("unit_price"), "unit_price")),)
    charge = Charge(model, tiers, price_terms(case), aggregation="max", bucket="day")
    if case.events is not None:
        return planned(case, charge)
    maxima = listed(case, "bucket_maxima")
    start = first_day(case)
    # As many days as there are buckets, at least those of the period.
    end = start + timedelta(days=len(maxima))
    if case.period and end > bounds(case)[1]:
        raise CaseError(f"there are {len(maxima)} bucket_maxima, more than the days of the period")
    if end > start.replace(month=2):
        case = replace(case, period={"start": start.isoformat(), "end_exclusive": end.isoformat()})
    events = [quantity_event(start + timedelta(days=day), decimal_of(maximum, "bucket_maxima")) for day, maximum in enumerate(maxima)]
    return planned(case, charge, events)


@compiles("graduated_per_group")
def graduated_per_group(case: Case) -> Answered:
    """Every value of a dimension has tiers of its own."""
    charge = Charge("graduated", tiers_of(case), price_terms(case), dimensions="group")
    if case.events is not None:
        return planned(case, charge)
    events = [
        quantity_event(first_day(case), decimal_of(quantity, "groups"), minutes=place, group=f"group-{place}")
        for place, quantity in enumerate(listed(case, "groups"))
    ]
    return planned(case, charge, events)


@compiles("currency_rounding")
def currency_rounding(case: Case) -> Answered:
    """One amount, or a list of ``values`` of which each is rounded by itself."""
    if case.params.get("mode", "half_up") != "half_up" or "half_even" in (case.expected or {}):
        raise CaseError("amounts are rounded half away from zero, once per line; rounding half to even is refused")
    if not isinstance(case.usage, dict):
        return Answered({MAIN: _rounded(case, case.usage)}, {"amount": lambda rated: plain(rated[MAIN].runs[-1].net())})
    scenarios = {str(place): _rounded(case, value) for place, value in enumerate(listed(case, "values"))}
    return Answered(scenarios, {"half_up": lambda rated: [plain(rated[place].runs[-1].net()) for place in scenarios]})


def _rounded(case: Case, value: Any) -> Scenario:
    """An amount below zero is what a later run takes back of one that was billed."""
    amount = decimal_of(value, "usage").quantize(FINEST, ROUND_DOWN)
    events = [quantity_event(DAY, abs(amount))] + ([quantity_event(DAY, amount, 1, run=1)] if amount < 0 else [])
    subscription = Subscription((Charge("per_unit", (Tier(None, "1"),)),), DAY, DAY.replace(month=2))
    return Scenario((subscription,), events, DAY, currency_of(case), runs=2 if amount < 0 else 1, with_documents=True)


@compiles("minor_units")
def minor_units(case: Case) -> Answered:
    """An amount in a currency of which the destination takes only some: the last digit of three must be 0 (Stripe)."""
    rules = {"last digit must be 0": "10", "none": None}
    rule = str(case.params.get("destination_rule") or "none")
    if rule not in rules:
        raise CaseError(f"the destination rule {rule!r} is not known; known are {', '.join(map(repr, rules))}")
    price = text(case.params.get("unit_price", "1"), "unit_price")
    return planned(case, Charge("per_unit", (Tier(None, price),), {**price_terms(case), **stated({"billing_increment": rules[rule]})}))


@compiles("dynamic")
def dynamic(case: Case) -> Answered:
    """Each event brings its amount along, in minor units and their fractions."""
    charge = Charge("dynamic", (Tier(),), price_terms(case), amount_attribute="amount_minor")
    if case.events is not None:
        return planned(case, charge)
    amount = text(case.parameter("amount_supplied_by_event_minor_units"), "amount_supplied_by_event_minor_units")
    return planned(case, charge, [quantity_event(first_day(case), quantity_of(case), amount_minor=amount)])


def scenario(case: Case, charge: Charge, currency: str | None = None, usage: Any = None) -> Scenario:
    quantity = quantity_of(case) if usage is None else decimal_of(usage, "usage")
    return of_charge(charge, [quantity_event(DAY, quantity)], currency=currency or currency_of(case))
