"""Cases about credits: bought, drawn down by an invoice, and how much of an invoice may be credited."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, compiles
from reverse_etl.cases.models.plans import taxes_of
from reverse_etl.cases.models.terms import currency_of
from reverse_etl.cases.rated import RatedRun, RatedScenario
from reverse_etl.cases.scenario import FINEST, FIRST_DAY, Charge, CreditGrant, Scenario, Subscription, Tier, flat, landed_until, quantity_event

Rated = Mapping[str, RatedScenario]
END = FIRST_DAY.replace(month=2)


@compiles("prepaid_drawdown")
def prepaid_drawdown(case: Case) -> Answered:
    """An invoice, after tax, is settled from the credits of the customer."""
    charge = Charge("per_unit", (Tier(unit_price="1"),), taxes=taxes_of(case))
    opening = decimal_of(case.parameter("opening_balance"), "opening_balance")
    if opening < 0:
        raise CaseError("opening_balance is not below zero")
    scenario = Scenario(
        (Subscription((charge,), FIRST_DAY, END),),
        (quantity_event(FIRST_DAY, decimal_of(case.parameter("net"), "net")),),
        currency=currency_of(case),
        runs=2,
        grants=(CreditGrant("credits", format(opening, "f")),) if opening else (),
    )

    def issued(rated: Rated) -> RatedRun:
        return rated[MAIN].runs[0]

    def total_minor(rated: Rated) -> int:
        return issued(rated).net_minor("invoice") + issued(rated).tax_minor("invoice")

    def drawn_minor(rated: Rated) -> int:
        return sum(credit.drawn_minor for credit in issued(rated).credits)

    return Answered(
        {MAIN: scenario},
        {
            "invoice_total": lambda rated: _money(rated, total_minor(rated)),
            "applied": lambda rated: _money(rated, drawn_minor(rated)),
            "amount_due": lambda rated: _money(rated, total_minor(rated) - drawn_minor(rated)),
            "closing_balance": lambda rated: _money(rated, sum(credit.balance_minor for credit in rated[MAIN].runs[1].credits)),
        },
    )


@compiles("prepaid_topup")
def prepaid_topup(case: Case) -> Answered:
    """Credits that a line of an invoice buys."""
    charge = flat("credits", decimal_of(case.usage, "usage").quantize(FINEST, ROUND_DOWN), "prepaid")
    scenario = Scenario((Subscription((charge,), FIRST_DAY, END),), (landed_until(FIRST_DAY),), currency=currency_of(case), runs=2)
    return Answered({MAIN: scenario}, {"amount": lambda rated: _money(rated, sum(credit.granted_minor for credit in rated[MAIN].runs[1].credits))})


@compiles("credit_cap")
def credit_cap(case: Case) -> Answered:
    """An amount was billed, then allowances on it were granted, one after the other; each is credited as far as something is left of the amount."""
    if not isinstance(case.usage, dict):
        raise CaseError("usage is to be an object with potential_credit")
    billed = flat("fee", decimal_of(case.parameter("original_amount"), "original_amount"))
    earlier = flat("earlier", decimal_of(case.parameter("previous_credits"), "previous_credits"), "discount", "fixed")
    later = flat("later", decimal_of(case.usage.get("potential_credit"), "potential_credit"), "discount", "fixed")
    granted = ((billed,), (billed, earlier), (billed, earlier, later))
    subscriptions = tuple(Subscription(charges, FIRST_DAY, END, known_in_run=run) for run, charges in enumerate(granted))
    scenario = Scenario(subscriptions, (landed_until(FIRST_DAY),), currency=currency_of(case), runs=3)
    return Answered({MAIN: scenario}, {"credit": lambda rated: plain(-rated[MAIN].runs[2].net("credit_memo"))})


def _money(rated: Rated, minor: int) -> str:
    return plain(Decimal(minor).scaleb(-rated[MAIN].exponent))
