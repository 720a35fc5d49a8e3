"""Cases about what a later run adds to what was issued: every run but the last is sealed before the next one is landed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, amount_of, compiles, stated
from reverse_etl.cases.models.terms import conversion_terms, currency_of, minor_unit, number, package_of, text, tier_terms, tiers_of
from reverse_etl.cases.rated import RatedRun, RatedScenario, RatedTier
from reverse_etl.cases.scenario import FINEST, FIRST_DAY, Charge, Scenario, Subscription, Tier, flat, of_charge, quantity_event

Rated = Mapping[str, RatedScenario]


@compiles("cumulative_delta")
def cumulative_delta(case: Case) -> Answered:
    """A run without new usage issues nothing and is not told."""
    totals = [Decimal(0), *(decimal_of(total, "cumulative_by_run") for total in _usage(case, "cumulative_by_run"))]
    quantities = [after - before for before, after in pairwise(totals)]
    quantities = [quantity for place, quantity in enumerate(quantities) if quantity or not place]
    return Answered(
        {MAIN: _in_runs(case, _charge(case, str(case.parameter("model"))), quantities)},
        {
            "run_totals": lambda rated: [_added(case, rated, run) for run in range(len(rated[MAIN].runs))],
            "run2_lines": lambda rated: [
                {"quantity": plain(tier.quantity), "unit_price": plain(tier.unit_price), "amount": plain(tier.amount)}
                for tier in _new_and_reversed(rated[MAIN].runs)
            ],
        },
    )


def _new_and_reversed(runs: Sequence[RatedRun]) -> list[RatedTier]:
    """The tiers that the second run priced, then those of the first, taken back; what did not change is left out."""
    before, after = ({tier.tier_from: tier for tier in run.tiers if tier.quantity} for run in runs[:2])
    taken = [RatedTier(tier.tier_from, tier.unit_price, -tier.quantity, -tier.amount) for key, tier in before.items() if after.get(key) != tier]
    return [tier for key, tier in after.items() if before.get(key) != tier] + taken


@compiles("graduated_incremental", "package_incremental")
def incremental(case: Case) -> Answered:
    charge = _charge(case, case.model.removesuffix("_incremental"))
    return Answered(
        {MAIN: _in_runs(case, charge, _previous_and_current(case))},
        {
            "amount": lambda rated: _added(case, rated, 1),
            "lines": _tier_amounts,
        },
    )


@compiles("graduated_percentage_incremental")
def graduated_percentage_incremental(case: Case) -> Answered:
    """Every event is billed by a run of its own."""
    quantities = [decimal_of(event.get("value"), "value") for event in case.events or ()]
    return Answered(
        {MAIN: _in_runs(case, Charge("graduated_percentage", tiers_of(case), tier_terms(case)), quantities)},
        {"deltas": lambda rated: [_added(case, rated, run) for run in range(len(rated[MAIN].runs))]},
    )


@compiles("unit_conversion")
def unit_conversion(case: Case) -> Answered:
    """The new usage by itself, and as what it adds to the period."""
    charge = Charge("per_unit", (Tier(unit_price=text(case.parameter("unit_price"), "unit_price")),), stated(conversion_terms(case)))
    quantities = _previous_and_current(case)
    return Answered(
        {MAIN: _in_runs(case, charge, quantities), "split": of_charge(charge, [quantity_event(FIRST_DAY, quantities[1])])},
        {
            "cumulative_delta_amount": lambda rated: _added(case, rated, 1),
            "independent_split_amount": lambda rated: amount_of(case, rated["split"]),
        },
    )


@compiles("maximum_spend", "discount_percent_then_maximum")
def maximum_spend(case: Case) -> Answered:
    """The new usage of a period, its price, and what the percentage and the maximum take off it."""
    charge = _charge(case, "package" if "package_price" in case.params else "graduated" if "tiers" in case.params else "per_unit")

    def added(tell: Callable[[RatedRun], Decimal]) -> Callable[[Rated], str]:
        return lambda rated: plain(tell(rated[MAIN].runs[1]) - tell(rated[MAIN].runs[0]))

    billed = case.usage.get("previously_billed") if isinstance(case.usage, dict) else None

    def net(rated: Rated) -> str:
        before = _added(case, rated, 0)
        if billed is not None and decimal_of(billed, "previously_billed") != Decimal(before):
            raise CaseError(f"usage says {billed} previously_billed, by the terms of the case it is {before}")
        return _added(case, rated, 1)

    return Answered(
        {MAIN: _in_runs(case, charge, _previous_and_current(case))},
        {
            "gross": added(lambda run: run.line("usage").gross_amount),
            "percent_discount": added(lambda run: run.line("usage").percent_discount),
            "max_discount": added(lambda run: run.line("usage").maximum_discount),
            "discount": added(lambda run: run.line("usage").maximum_discount),
            "net": net,
            "gross_lines": _tier_amounts,
            "discounts": lambda rated: [
                plain(after - before) for before, after in zip(*(_above_maximum(run) for run in rated[MAIN].runs[:2]), strict=True) if after - before
            ],
        },
    )


def _above_maximum(run: RatedRun) -> list[Decimal]:
    """What the maximum takes off, by tier: the highest usage is what lies above it."""
    left, taken = run.line("usage").maximum_discount, []
    for tier in reversed(run.tiers):
        taken.append(min(left, tier.amount))
        left -= taken[-1]
    return taken[::-1]


@compiles("progressive_billing")
def progressive_billing(case: Case) -> Answered:
    """Usage is billed when it passes a threshold; the rest and the fee of the plan when the period ends."""
    fee = flat("fee", decimal_of(case.parameter("plan_fee_minor"), "plan_fee_minor") * minor_unit(case))
    if "cumulative_usage_minor" in case.params:
        totals = [Decimal(0), *(decimal_of(total, "cumulative_usage_minor") for total in case.parameter("cumulative_usage_minor"))]
        charge, quantities = (
            Charge("per_unit", (Tier(unit_price=format(minor_unit(case), "f")),)),
            [after - before for before, after in pairwise(totals)],
        )
        thresholds = [decimal_of(threshold, "thresholds_minor") for threshold in case.parameter("thresholds_minor")]
        passing = [any(before < threshold <= after for threshold in thresholds) for before, after in pairwise(totals)]
        last = passing.count(True)
        if not all(passing[:last]):
            raise CaseError("cumulative usage is to be stated where it passes a threshold, and at most once more at the end")
        # What comes after the last threshold that is passed is billed with the fee.
        quantities = [*quantities[:last], *([sum(quantities[last:], Decimal(0))] if quantities[last:] else [])]
    else:
        price = decimal_of(case.parameter("unit_price"), "unit_price")
        billed = decimal_of(case.parameter("already_billed_progressively_minor"), "already_billed_progressively_minor") * minor_unit(case) / price
        charge = Charge("per_unit", (Tier(unit_price=format(price, "f")),))
        # At the digits of a quantity, which is exact to the minor unit.
        billed = billed.quantize(FINEST)
        quantities, last = [billed, decimal_of(case.parameter("usage_units"), "usage_units") - billed], 1
    events = [quantity_event(FIRST_DAY, quantity, run, run) for run, quantity in enumerate(quantities)]
    subscriptions = (
        Subscription((charge,), FIRST_DAY, FIRST_DAY.replace(month=2)),
        Subscription((fee,), FIRST_DAY, FIRST_DAY.replace(month=2), "fee", known_in_run=last),
    )
    return Answered(
        {MAIN: Scenario(subscriptions, events, currency=currency_of(case), runs=last + 1)},
        {
            "progressive_invoices_minor": lambda rated: [str(run.net_minor()) for run in rated[MAIN].runs[:last]],
            "final_due_minor": lambda rated: str(rated[MAIN].runs[last].net_minor()),
        },
    )


@compiles("credit_note_sequence")
def credit_note_sequence(case: Case) -> Answered:
    """Usage that was billed is taken back in parts; the last part takes what is left of the tax."""
    invoice = case.parameter("invoice")
    taken = [decimal_of(minor, "credits_sub_total_minor") for minor in case.parameter("credits_sub_total_minor")]
    charge = Charge("per_unit", (Tier(unit_price=format(minor_unit(case), "f")),), taxes=(text(invoice.get("tax_percent"), "tax_percent"),))
    quantities = [decimal_of(invoice.get("fee_minor"), "fee_minor"), *(-minor for minor in taken)]

    def credits(rated: Rated) -> list[tuple[int, int]]:
        return [(-run.net_minor("credit_memo"), -run.tax_minor("credit_memo")) for run in rated[MAIN].runs[1:]]

    return Answered(
        {MAIN: _in_runs(case, charge, quantities)},
        {
            "credits_tax_minor": lambda rated: [str(tax) for _, tax in credits(rated)],
            "credits_total_minor": lambda rated: [str(net + tax) for net, tax in credits(rated)],
            "sum_minor": lambda rated: str(sum(net + tax for net, tax in credits(rated))),
        },
    )


def _charge(case: Case, model: str) -> Charge:
    terms = stated({"maximum_amount": number(case, "maximum"), "discount_percent": number(case, "percent")})
    if model == "package":
        return Charge(model, (package_of(case),), terms)
    if model in ("graduated", "volume"):
        return Charge(model, tiers_of(case), {**tier_terms(case), **terms})
    if model == "per_unit":
        return Charge(model, (Tier(unit_price=text(case.parameter("unit_price"), "unit_price")),), terms)
    raise CaseError(f"the model {model!r} is not known here; known are graduated, volume, package and per_unit")


def _in_runs(case: Case, charge: Charge, quantities: Sequence[Decimal]) -> Scenario:
    events = [quantity_event(FIRST_DAY, quantity, run, run) for run, quantity in enumerate(quantities)]
    subscription = Subscription((charge,), FIRST_DAY, FIRST_DAY.replace(month=2))
    return Scenario((subscription,), events, FIRST_DAY, currency_of(case), runs=len(quantities))


def _previous_and_current(case: Case) -> list[Decimal]:
    if not isinstance(case.usage, dict):
        raise CaseError("usage is to be an object of previous and current_total, or of previous and current")
    previous = decimal_of(case.usage.get("previous"), "previous")
    if "current_total" in case.usage:
        return [previous, decimal_of(case.usage["current_total"], "current_total") - previous]
    return [previous, decimal_of(case.usage.get("current"), "current")]


def _added(case: Case, rated: Rated, run: int) -> str:
    """What a run bills beside what was billed before it: rounded in a currency that the case names, else with all digits."""
    runs = rated[MAIN].runs
    if case.params.get("currency"):
        return plain(runs[run].net())
    before, after = (sum((line.amount_precise for line in lines), Decimal(0)) for lines in (runs[run - 1].lines if run else (), runs[run].lines))
    return plain(after - before)


def _usage(case: Case, name: str) -> Sequence[Any]:
    found = case.usage.get(name) if isinstance(case.usage, dict) else None
    if not isinstance(found, list) or not found:
        raise CaseError(f"usage lacks the list {name!r}")
    return found


def _tier_amounts(rated: Rated) -> list[str]:
    """What the second run adds to each tier, where it adds something."""
    before, after = rated[MAIN].runs[:2]
    changes = [new.amount - old.amount for old, new in zip(before.tiers, after.tiers, strict=True)]
    return [plain(amount) for amount in changes if amount]
