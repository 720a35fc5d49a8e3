"""Cases whose usage is a quantity: tiers, packages, blocks, limits, conversions, buckets and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from reverse_etl.cases.case import Case, CaseError, decimal_of
from reverse_etl.cases.compiling import MAIN, compiles, rounding_word, stated
from reverse_etl.cases.scenario import FIRST_DAY, NO_CURRENCY, Charge, Scenario, Tier, of_charge, quantity_event

DAY = FIRST_DAY


@compiles("graduated", "volume", "graduated_percentage")
def tiered(case: Case) -> Mapping[str, Scenario]:
    return {MAIN: scenario(case, Charge(case.model, tiers_of(case), tier_terms(case)))}


@compiles("per_unit", "per_unit_min_max", "tier_cap", "unit_rounding", "unit_conversion_graduated", "dynamic_multiplier")
def per_unit(case: Case) -> Mapping[str, Scenario]:
    terms = {
        "minimum_amount": number(case, "minimum"),
        "maximum_amount": number(case, "maximum") if "cap" not in case.params else number(case, "cap"),
        **conversion_terms(case),
    }
    if "tiers" in case.params:
        return {MAIN: scenario(case, Charge("graduated", tiers_of(case), {**tier_terms(case), **stated(terms)}))}
    price = case.params.get("unit_price", case.params.get("multiplier", "1"))
    charge = Charge("per_unit", (Tier(None, text(price, "unit_price")),), stated(terms))
    return {
        MAIN: scenario(case, charge),
        **{currency: scenario(case, charge, currency) for currency in (case.expected or {}).get("amount_by_currency", {})},
    }


@compiles("package")
def package(case: Case) -> Mapping[str, Scenario]:
    tier = Tier(None, text(case.parameter("package_price"), "package_price"), block_size=text(case.parameter("package_size"), "package_size"))
    terms = {"free_units": number(case, "free_units"), "package_rounding": rounding_word(case.params.get("rounding", "up"))}
    return {MAIN: scenario(case, Charge("package", (tier,), stated(terms)))}


@compiles("volume_blocks", "graduated_blocks")
def blocks(case: Case) -> Mapping[str, Scenario]:
    tiers, bound = [], Decimal(0)
    for block in case.parameter("blocks"):
        size = decimal_of(block.get("block_size"), "block_size")
        limit = block.get("max_blocks")
        bound += size * decimal_of(limit, "max_blocks") if limit is not None else Decimal(0)
        tiers.append(Tier(None if limit is None else format(bound, "f"), text(block.get("block_price"), "block_price"), block_size=format(size, "f")))
    return {MAIN: scenario(case, Charge(case.model.removesuffix("_blocks"), tiers, {"beyond_last_tier": "last_tier"}))}


@compiles("allowance_overage")
def allowance(case: Case) -> Mapping[str, Scenario]:
    if case.params.get("included_prorated"):
        raise CaseError("an allowance that is prorated within the period is refused: state the included units of the period")
    charge = Charge(
        "per_unit", (Tier(None, text(case.parameter("overage_price"), "overage_price")),), stated({"free_units": number(case, "included_units")})
    )
    return {str(place): scenario(case, charge, usage=quantity) for place, quantity in enumerate(listed(case, "quantities"))}


@compiles("bucketed_max", "bucketed_max_graduated", "bucketed_max_volume", "bucketed_max_package")
def bucketed_max(case: Case) -> Mapping[str, Scenario]:
    """The greatest quantity of each day, each rated by itself."""
    model = case.model.removeprefix("bucketed_max").removeprefix("_") or "per_unit"
    if "tiers" in case.params:
        tiers = tiers_of(case)
    elif "package_size" in case.params:
        tiers = (Tier(None, text(case.parameter("package_price"), "package_price"), block_size=text(case.params["package_size"], "package_size")),)
    else:
        tiers = (Tier(None, text(case.parameter("unit_price"), "unit_price")),)
    charge = Charge(model, tiers, tier_terms(case), aggregation="max", bucket="day")
    maxima = listed(case, "bucket_maxima")
    events = [quantity_event(DAY + timedelta(days=day), decimal_of(maximum, "bucket_maxima")) for day, maximum in enumerate(maxima)]
    return {MAIN: of_charge(charge, events, currency=currency_of(case))}


@compiles("graduated_per_group")
def graduated_per_group(case: Case) -> Mapping[str, Scenario]:
    """Every value of a dimension has tiers of its own."""
    charge = Charge("graduated", tiers_of(case), tier_terms(case), dimensions="group")
    events = [
        quantity_event(DAY, decimal_of(quantity, "groups"), minutes=place, group=f"group-{place}")
        for place, quantity in enumerate(listed(case, "groups"))
    ]
    return {MAIN: of_charge(charge, events, currency=currency_of(case))}


@compiles("currency_rounding")
def currency_rounding(case: Case) -> Mapping[str, Scenario]:
    if case.params.get("mode", "half_up") != "half_up" or "half_even" in (case.expected or {}):
        raise CaseError("amounts are rounded half away from zero, once per line; rounding half to even is refused")
    charge = Charge("per_unit", (Tier(None, "1"),))
    return {MAIN: scenario(case, charge)}


@compiles("minor_units")
def minor_units(case: Case) -> Mapping[str, Scenario]:
    """An amount in a currency of which the destination takes only some: the last digit of three must be 0 (Stripe)."""
    rules = {"last digit must be 0": "10", "none": None}
    rule = str(case.params.get("destination_rule", "none"))
    if rule not in rules:
        raise CaseError(f"the destination rule {rule!r} is not known; known are {', '.join(map(repr, rules))}")
    return {MAIN: scenario(case, Charge("per_unit", (Tier(None, "1"),), stated({"billing_increment": rules[rule]})))}


@compiles("dynamic")
def dynamic(case: Case) -> Mapping[str, Scenario]:
    """Each event brings its amount along, in minor units and their fractions."""
    charge = Charge("dynamic", (Tier(),), amount_attribute="amount_minor")
    amount = text(case.parameter("amount_supplied_by_event_minor_units"), "amount_supplied_by_event_minor_units")
    return {MAIN: of_charge(charge, [quantity_event(DAY, quantity_of(case), amount_minor=amount)], currency=currency_of(case))}


def scenario(case: Case, charge: Charge, currency: str | None = None, usage: Any = None) -> Scenario:
    quantity = quantity_of(case) if usage is None else decimal_of(usage, "usage")
    return of_charge(charge, [quantity_event(DAY, quantity)], currency=currency or currency_of(case))


def currency_of(case: Case) -> str:
    return str(case.params.get("currency") or NO_CURRENCY)


def quantity_of(case: Case) -> Decimal:
    if case.usage is None or isinstance(case.usage, dict | list):
        raise CaseError("usage is to be one quantity")
    return decimal_of(case.usage, "usage")


def listed(case: Case, name: str) -> Sequence[Any]:
    values = case.usage.get(name) if isinstance(case.usage, dict) else None
    if not isinstance(values, list):
        raise CaseError(f"usage lacks the list {name!r}")
    return values


def tiers_of(case: Case) -> tuple[Tier, ...]:
    """Inclusive upper bounds, as the case states them; a bound of another notation was restated there."""
    tiers = []
    for tier in case.parameter("tiers"):
        bound = tier.get("up_to")
        tiers.append(
            Tier(
                None if bound is None else text(bound, "up_to"),
                text(tier.get("unit_price", "0"), "unit_price"),
                text(tier.get("flat_fee", "0"), "flat_fee"),
                text(tier["rate_percent"], "rate_percent") if "rate_percent" in tier else "",
            )
        )
    return tuple(tiers)


def tier_terms(case: Case) -> dict[str, str]:
    """A last tier that has an end is taken to go on: a case asks for an amount, not for a hold."""
    terms = {"beyond_last_tier": "last_tier"}
    if case.params.get("zero_usage_flat_fee"):
        terms["zero_usage_flat_fee"] = "true"
    return terms


def conversion_terms(case: Case) -> dict[str, Any]:
    rounding = case.params.get("quantity_rounding", case.params.get("function", case.params.get("rounding")))
    return {
        "quantity_divisor": number(case, "divide_by"),
        "quantity_rounding": None if rounding is None else rounding_word(rounding),
        "quantity_precision": case.params.get("quantity_precision", case.params.get("precision")),
    }


def number(case: Case, name: str) -> Decimal | None:
    value = case.params.get(name)
    return None if value is None else decimal_of(value, name)


def text(value: Any, name: str) -> str:
    return format(decimal_of(value, name), "f")
