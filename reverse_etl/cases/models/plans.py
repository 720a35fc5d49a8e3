"""What a case may state beside its charge: a fee, discounts, a commitment and taxes, as the plan of one customer has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, Say
from reverse_etl.cases.models.terms import LEVELS, bounds, currency_of, first_day, metered, minor_unit, number, text, whole, zone_of
from reverse_etl.cases.rated import RatedScenario
from reverse_etl.cases.scenario import Charge, Scenario, Subscription, UsageEvent, flat, landed_until

Rated = Mapping[str, RatedScenario]
COMMITMENTS = ("commitment_minor", "minimum_minor")


def planned(case: Case, charge: Charge, events: Sequence[UsageEvent] | None = None, currency: str | None = None) -> Answered:
    """One customer with the charge and whatever else of a plan the case states; ``events``: other ones than those of its usage."""
    if events is None:
        charge, events = metered(case, charge)
    taxes, unit = taxes_of(case), minor_unit(case)
    charges = [replace(charge, taxes=taxes)]
    fee = number(case, "plan_fee_minor", "fee_minor")
    if fee is not None:
        charges.append(flat("fee", fee * unit, taxes=taxes))
    charges += [discount_of(case, f"discount-{place}", terms) for place, terms in enumerate(_discounts(case))]
    committed = number(case, *COMMITMENTS)
    if committed is not None:
        charges.append(flat("commitment", committed * unit, "commitment", "minimum", taxes, commitment_rounding=commitment_rounding(case)))
    return Answered({MAIN: _scenario(case, charges, events, currency or currency_of(case))}, SAYS)


def _scenario(case: Case, charges: Sequence[Charge], events: Sequence[UsageEvent], currency: str) -> Scenario:
    """One period, that of the case or a month; where days are stated, only they are served of it."""
    start = first_day(case)
    month_end = (start.replace(day=1) + timedelta(days=31)).replace(day=1)
    end = bounds(case)[1] if case.period else month_end
    # A level is known from before the period on.
    begins = (start - timedelta(days=1)).replace(day=1) if any(charge.aggregation in LEVELS for charge in charges) else start
    if "days" in case.params or "period_days" in case.params:
        length = whole(case, "period_days", 30)
        if whole(case, "days", length) < 1:
            raise CaseError("days is to be one at least")
        end = start + timedelta(days=whole(case, "days", length))
        subscription = Subscription(charges, start, end, anchor_on=start, period_days=length)
    elif (start.day, end) != (1, month_end):
        subscription = Subscription(charges, begins, end, anchor_on=start, period_days=(end - start).days)
    else:
        subscription = Subscription(charges, begins, end)
    return Scenario((subscription,), [*events, landed_until(end)], start, currency, zone_of(case).key)


def taxes_of(case: Case) -> tuple[str, ...]:
    rates = case.params.get("tax_percents", case.params.get("tax_percent"))
    return tuple(text(rate, "tax_percent") for rate in (rates if isinstance(rates, list) else [] if rates is None else [rates]))


def _discounts(case: Case) -> Sequence[Mapping[str, Any]]:
    stated = case.params.get("discounts") or []
    if not isinstance(stated, list) or not all(isinstance(terms, dict) for terms in stated):
        raise CaseError("discounts is to be a list of objects with percent, fixed or amount_minor")
    fixed = number(case, "discount_minor")
    return [*stated, *([] if fixed is None else [{"amount_minor": fixed}])]


def discount_of(case: Case, name: str, terms: Mapping[str, Any]) -> Charge:
    """Percentages compound; fixed amounts come after them and take what is left at most."""
    if terms.get("percent") is not None:
        return flat(name, Decimal(0), "discount", "percent", discount_percent=text(terms["percent"], "percent"))
    if terms.get("fixed") is not None:
        return flat(name, decimal_of(terms["fixed"], "fixed"), "discount", "fixed")
    return flat(name, decimal_of(terms.get("amount_minor"), "a discount's percent, fixed or amount_minor") * minor_unit(case), "discount", "fixed")


def commitment_rounding(case: Case) -> str:
    words = str(case.params.get("commitment_rounding", case.params.get("rounding", "once")))
    if "component" not in words and "once" not in words:
        raise CaseError(f"the rounding {words!r} is not known; known are 'once' and 'each component rounded, then subtracted'")
    return "component" if "component" in words else "once"


def _charged(*kinds: str) -> Say:
    return lambda rated: str(sum(line.amount_minor for line in rated[MAIN].runs[0].lines if line.kind in kinds))


def _net(rated: Rated) -> int:
    run = rated[MAIN].runs[0]
    return run.net_minor() if run.documents else sum(line.amount_minor for line in run.lines)


def _taxed(*kinds: str) -> Say:
    def say(rated: Rated) -> str:
        run = rated[MAIN].runs[0]
        kind_of = {line.charge: line.kind for line in run.lines}
        return str(sum(line.tax_minor for line in run.documents if kind_of[line.charge] in kinds))

    return say


SAYS: Mapping[str, Say] = {
    "gross_minor": lambda rated: str(sum(line.amount_minor + line.discount_minor for line in rated[MAIN].runs[0].lines)),
    "discount_minor": lambda rated: str(sum(line.discount_minor for line in rated[MAIN].runs[0].lines)),
    "usage_minor": _charged("usage"),
    "fee_minor": _charged("fee"),
    "fees_minor": lambda rated: str(_net(rated)),
    "net_minor": lambda rated: str(_net(rated)),
    "true_up_minor": _charged("commitment"),
    "true_up": lambda rated: plain(Decimal(int(_charged("commitment")(rated))).scaleb(-rated[MAIN].exponent)),
    "usage_tax_minor": _taxed("usage"),
    "true_up_tax_minor": _taxed("commitment"),
    "tax_minor": lambda rated: str(rated[MAIN].runs[0].tax_minor()),
    "total_minor": lambda rated: str(_net(rated) + rated[MAIN].runs[0].tax_minor()),
}
