"""Cases about a document as a whole: taxes, discounts, amounts that are spread over lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, compiles
from reverse_etl.cases.models.plans import discount_of
from reverse_etl.cases.models.terms import currency_of, minor_unit, text, whole
from reverse_etl.cases.rated import DocumentLine, RatedRun, RatedScenario
from reverse_etl.cases.scenario import FIRST_DAY, Charge, DecidedCredit, Scenario, Subscription, flat, landed_until

Rated = Mapping[str, RatedScenario]
DAYS = 30


@compiles("tax")
def tax(case: Case) -> Answered:
    """Every line may be due several taxes."""
    lines = case.parameter("lines")
    charges = [
        flat(
            f"{place:03}",
            decimal_of(line.get("amount_minor"), "amount_minor") * minor_unit(case),
            taxes=[text(rate, "tax_percents") for rate in _rates(line)],
        )
        for place, line in enumerate(lines)
    ]
    rates = sorted({rate for charge in charges for rate in charge.taxes}, key=Decimal)
    return Answered(
        {MAIN: _invoice(case, charges, _tax_rounding(case))},
        {
            "tax_by_rate_minor": lambda rated: {rate: str(_run(rated).taxes.get(rate, 0)) for rate in rates},
            "tax_minor": lambda rated: str(_run(rated).tax_minor()),
            "total_minor": lambda rated: str(_run(rated).net_minor() + _run(rated).tax_minor()),
        },
    )


def _tax_rounding(case: Case) -> str:
    policies = {"per tax on summed base": "group", "per line half up": "line"}
    rounding = str(case.params.get("rounding", "per tax on summed base"))
    if rounding not in policies:
        raise CaseError(f"the rounding {rounding!r} is not known; known are {', '.join(map(repr, policies))}")
    return policies[rounding]


def _rates(line: Mapping[str, Any]) -> Sequence[Any]:
    rates = line.get("tax_percents")
    if not isinstance(rates, list):
        raise CaseError("a line lacks the list tax_percents")
    if len({decimal_of(rate, "tax_percents") for rate in rates}) != len(rates):
        raise CaseError("a line states a tax of the same percentage twice; state one of the sum")
    return rates


@compiles("tax_rounding_policy")
def tax_rounding_policy(case: Case) -> Answered:
    """The same lines under both policies: tax on the sum, and tax on every line."""
    rate = text(case.parameter("tax_percent"), "tax_percent")
    charges = [flat(f"{place:03}", decimal_of(amount, "lines"), taxes=(rate,)) for place, amount in enumerate(case.parameter("lines"))]

    def money(minor: int, rated: Rated) -> str:
        return plain(Decimal(minor).scaleb(-rated["group"].exponent))

    return Answered(
        {policy: _invoice(case, charges, policy) for policy in ("group", "line")},
        {
            "tax_on_sum": lambda rated: money(_run(rated, "group").tax_minor(), rated),
            "total_tax_on_sum": lambda rated: money(_run(rated, "group").net_minor() + _run(rated, "group").tax_minor(), rated),
            "tax_per_line": lambda rated: [
                money(line.tax_minor, rated) for line in sorted(_run(rated, "line").documents, key=lambda line: line.charge)
            ],
            "total_tax_per_line": lambda rated: money(_run(rated, "line").net_minor() + _run(rated, "line").tax_minor(), rated),
        },
    )


@compiles("tax_inclusive")
def tax_inclusive(case: Case) -> Answered:
    """Prices that include their tax: one ``gross``, or the ``lines`` of a document, each at the rates that are due together."""
    percents = case.params.get("tax_percents") or [case.parameter("tax_percent")]
    taxes = [text(percent, "tax_percent") for percent in percents]
    amounts = case.params.get("lines") or [case.parameter("gross")]
    charges = [flat(f"{place:03}", decimal_of(amount, "gross"), taxes=taxes, tax_behavior="inclusive") for place, amount in enumerate(amounts)]
    if (rounded := str(case.params.get("round", "net"))) not in ("net", "tax"):
        raise CaseError(f"the amount to round {rounded!r} is not known; known are 'net' and 'tax'")
    scenario = _invoice(case, charges, _tax_rounding(case), rounded)

    def money(minor: int, rated: Rated) -> str:
        return plain(Decimal(minor).scaleb(-rated[MAIN].exponent))

    def by_line(rated: Rated) -> list[DocumentLine]:
        return sorted(_run(rated).documents, key=lambda line: line.charge)

    return Answered(
        {MAIN: scenario},
        {
            "net": lambda rated: money(_run(rated).net_minor(), rated),
            "tax": lambda rated: money(_run(rated).tax_minor(), rated),
            "gross": lambda rated: money(_run(rated).net_minor() + _run(rated).tax_minor(), rated),
            "total": lambda rated: money(_run(rated).net_minor() + _run(rated).tax_minor(), rated),
            "net_lines": lambda rated: [money(line.amount_minor, rated) for line in by_line(rated)],
            "tax_lines": lambda rated: [money(line.tax_minor, rated) for line in by_line(rated)],
            "tax_by_rate": lambda rated: {rate: money(minor, rated) for rate, minor in _run(rated).taxes.items()},
        },
    )


@compiles("discount_percent", "discount_fixed", "discount_stack")
def discount(case: Case) -> Answered:
    """Percentages compound; fixed amounts come after them and take what is left at most."""
    if not str(case.params.get("order", "percent first, compounding")).startswith("percent first"):
        raise CaseError(f"the order {case.params['order']!r} is refused: percentages come first and compound")
    stated = case.params.get("discounts", [case.params])
    discounts = [discount_of(case, f"discount-{place}", terms) for place, terms in enumerate(stated)]
    if not isinstance(case.usage, dict):
        raise CaseError("usage lacks base_minor")
    base = flat("000", decimal_of(case.usage.get("base_minor"), "base_minor") * minor_unit(case))
    return Answered(
        {MAIN: _invoice(case, [base, *discounts])},
        {"discount_minor": lambda rated: str(sum(line.discount_minor for line in _run(rated).lines))},
    )


@compiles("credit_note_partial_with_discount")
def credit_note_partial_with_discount(case: Case) -> Answered:
    """A line is credited by an amount before its discount: the discount is taken back in the same proportion."""
    line, taken, credited = (decimal_of(case.parameter(name), name) for name in ("line_minor", "line_discount_minor", "credited_gross_minor"))
    if credited != credited.to_integral_value() or credited <= 0:
        raise CaseError("credited_gross_minor is to be a whole number above zero")
    charges = [
        flat("000", line * minor_unit(case), taxes=(text(case.parameter("tax_percent"), "tax_percent"),)),
        flat("discount", taken * minor_unit(case), "discount", "fixed"),
    ]
    scenario = replace(_invoice(case, charges), runs=2, credits=(DecidedCredit("000", int(credited), before_discount=True),))

    def net(rated: Rated) -> int:
        return -rated[MAIN].runs[1].net_minor("credit_memo")

    def tax_of(rated: Rated) -> int:
        return -rated[MAIN].runs[1].tax_minor("credit_memo")

    return Answered(
        {MAIN: scenario},
        {
            "discount_adjustment_minor": lambda rated: str(int(credited) - net(rated)),
            "credit_sub_total_minor": lambda rated: str(net(rated)),
            "credit_tax_minor": lambda rated: str(tax_of(rated)),
            "credit_total_minor": lambda rated: str(net(rated) + tax_of(rated)),
        },
    )


@compiles("discount_allocation")
def discount_allocation(case: Case) -> Answered:
    charges = [flat(f"{place:03}", decimal_of(minor, "lines_minor") * minor_unit(case)) for place, minor in enumerate(case.parameter("lines_minor"))]
    taken = flat("discount", decimal_of(case.parameter("discount_minor"), "discount_minor") * minor_unit(case), "discount", "fixed")
    return Answered(
        {MAIN: _invoice(case, [*charges, taken])},
        {"net_lines_minor": lambda rated: [str(_run(rated).line(charge.name).amount_minor) for charge in charges]},
    )


@compiles("allocation_largest_remainder")
def allocation(case: Case) -> Answered:
    """An amount that is spread by weights, as a discount is spread over lines; ties go to the first in the order of the keys."""
    precision = whole(case, "precision", 0)
    total = decimal_of(case.parameter("total"), "total").scaleb(precision)
    if total != total.to_integral_value() or total < 0:
        raise CaseError(f"the total has more than {precision} decimals or is below zero")
    weights = [decimal_of(weight, "weights") for weight in case.parameter("weights")]
    if any(weight < 0 for weight in weights) or not any(weights):
        raise CaseError("weights are not below zero and not all zero")
    keys = case.params.get("tie_break_keys") or [f"{place:03}" for place in range(len(weights))]
    if len({str(key) for key in keys}) != len(weights) or len(keys) != len(weights):
        raise CaseError("tie_break_keys are to be different ones, as many as the weights")
    # Lines in the proportion of the weights, large enough for the amount to fit in.
    decimals = max(0, *(-int(weight.as_tuple().exponent) for weight in weights))
    scale = next(scale for scale in count(decimals) if sum(weights, Decimal(0)).scaleb(scale) >= total)
    charges = [flat(str(key), weight.scaleb(scale) * minor_unit(case)) for key, weight in zip(keys, weights, strict=True)]
    spread = flat("~spread", total * minor_unit(case), "discount", "fixed")

    def say(rated: Rated) -> list[str]:
        found = {line.charge: line.discount_minor for line in _run(rated).lines}
        return [plain(Decimal(found.get(charge.name, 0)).scaleb(-precision)) for charge in charges]

    return Answered({MAIN: _invoice(case, [*charges, spread])}, {"shares": say})


def _invoice(case: Case, charges: Sequence[Charge], tax_rounding: str = "group", inclusive_tax_rounding: str = "net") -> Scenario:
    subscription = Subscription(charges, FIRST_DAY, FIRST_DAY.replace(day=DAYS + 1), period_days=DAYS)
    return Scenario(
        (subscription,),
        (landed_until(FIRST_DAY),),
        currency=currency_of(case),
        tax_rounding=tax_rounding,
        inclusive_tax_rounding=inclusive_tax_rounding,
    )


def _run(rated: Rated, name: str = MAIN) -> RatedRun:
    return rated[name].runs[0]
