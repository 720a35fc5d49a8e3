"""Cases about the ledger: what was issued, posted and recognised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, compiles
from reverse_etl.cases.models.terms import EXPONENTS, day_of, text, whole
from reverse_etl.cases.rated import JournalLine, RatedScenario
from reverse_etl.cases.scenario import FIRST_DAY, Charge, CreditGrant, Payment, Scenario, Subscription, Tier, flat, landed_until, quantity_event

Rated = Mapping[str, RatedScenario]
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@compiles("journal")
def journal(case: Case) -> Answered:
    """An invoice in a foreign currency, in the functional one: every leg is converted by itself, what is left is a leg of its own."""
    if (functional_currency := str(case.params.get("functional_currency", "USD"))) != "USD":
        raise CaseError(f"the functional currency {functional_currency!r} is refused: the books of cases are in USD")
    net, tax = decimal_of(case.parameter("net"), "net"), decimal_of(case.parameter("tax"), "tax")
    currency = str(case.parameter("invoice_currency"))
    unit = Decimal(1).scaleb(-EXPONENTS.get(currency, 2))
    percent = (tax / net * 100 if net else Decimal(0)).quantize(Decimal("0.000001"))
    if net % unit or (net * percent / 100).quantize(unit, ROUND_HALF_UP) != tax or not 0 <= percent <= 100:
        raise CaseError("net and tax are to be whole minor units, the tax a percentage of the net that is rounded to them")
    charge = Charge("per_unit", (Tier(unit_price="1"),), taxes=(plain(percent),))
    subscription = Subscription((charge,), FIRST_DAY, FIRST_DAY.replace(month=2))
    scenario = Scenario(
        (subscription,),
        (quantity_event(FIRST_DAY, net),),
        FIRST_DAY,
        currency,
        exchange_rate=text(case.parameter("rate"), "rate"),
        runs=2,
    )
    signs = {"receivable": 1, "revenue": -1, "tax_payable": -1}

    def functional(rated: Rated, role: str) -> Decimal:
        lines = [line for line in rated[MAIN].runs[1].journals if line.role.endswith(role)]
        return Decimal(sum(line.functional_minor for line in lines)).scaleb(-2)

    return Answered(
        {MAIN: scenario},
        {
            "functional": lambda rated: {role: plain(functional(rated, role) * sign) for role, sign in signs.items()},
            # As a credit, as the golden file signs it.
            "rounding_line": lambda rated: plain(-functional(rated, "currency_rounding")),
        },
    )


@compiles("revenue_recognition_daily")
def revenue_recognition(case: Case) -> Answered:
    """Fees are recognised by the days of their service; a credit is spread as what it corrects."""
    if "plans" in case.params:
        return _recognised_plans(case)
    start, end = day_of(case.parameter("service_start")), day_of(case.parameter("service_end_exclusive"))
    if end <= start:
        raise CaseError("service_end_exclusive is not after service_start")
    amount = decimal_of(case.parameter("amount"), "amount")
    credit = decimal_of(case.params.get("credit_note_before_payment", "0"), "credit_note_before_payment")
    days = (end - start).days
    billed = Subscription((flat("fee", amount, timing="advance"),), start, end, anchor_on=start, period_days=days)
    credited = Subscription((flat("fee", amount - credit, timing="advance"),), start, end, anchor_on=start, period_days=days, known_in_run=1)

    def lines(rated: Rated, role: str) -> list[JournalLine]:
        return [line for line in rated[MAIN].runs[2].journals if line.role == role]

    def revenue_by_month(rated: Rated) -> list[str]:
        found = lines(rated, "subscription_revenue")
        periods = sorted({line.period for line in found})
        return [_money(-sum(line.amount_minor for line in found if line.period == period)) for period in periods]

    return Answered(
        {MAIN: Scenario((billed, credited), (landed_until(end),), runs=3)},
        {
            "revenue_by_month": revenue_by_month,
            "deferred_after_january": lambda rated: _money(
                -sum(line.amount_minor for line in lines(rated, "deferred_revenue") if line.event != "revenue_recognised" or line.period[5:] == "01")
            ),
            "receivable_booked": lambda rated: _money(sum(line.amount_minor for line in lines(rated, "receivable"))),
        },
    )


# The words of cases for the accounts of roles, each with the side on which it grows.
BALANCES = {
    "receivable": ("accounts_receivable", 1),
    "cash": ("cash", 1),
    "contract_liability": ("customer_balance", -1),
    "subscription_revenue": ("revenue", -1),
    "deferred_revenue": ("deferred_revenue", -1),
}


@compiles("journal_balances")
def journal_balances(case: Case) -> Answered:
    """A fee in advance is settled with the customer's credits, then by a payment: what each month moves, by account."""
    start, end, paid_on = (day_of(case.parameter(name)) for name in ("service_start", "service_end_exclusive", "paid_on"))
    amount, credit = (decimal_of(case.parameter(name), name) for name in ("amount", "customer_credit_balance"))
    if not 0 <= credit < amount:
        raise CaseError("the credit balance is to leave something to pay")
    if not start < end or not start <= paid_on or max(end, paid_on) > start.replace(day=1, year=start.year + 1):
        raise CaseError("service and payment are to be told within twelve months from the start of the service on")
    scenario = Scenario(
        (Subscription((flat("fee", amount, timing="advance"),), start, end, anchor_on=start, period_days=(end - start).days),),
        (landed_until(end),),
        runs=2,
        grants=(CreditGrant("credits", format(credit, "f")),) if credit else (),
        payments=(Payment("payment", format(amount - credit, "f"), paid_on, start),),
    )

    def moved(rated: Rated, month: int) -> dict[str, str]:
        found = [line for line in rated[MAIN].runs[1].journals if int(line.period[5:]) == month]
        moves = {name: sign * sum(line.amount_minor for line in found if line.role == role) for role, (name, sign) in BALANCES.items()}
        return {name: _money(minor) for name, minor in moves.items() if minor}

    served = {(start + timedelta(days=day)).month for day in range((end - start).days)}
    months = sorted(served | {paid_on.month})
    return Answered({MAIN: scenario}, {MONTHS[month - 1]: partial(moved, month=month) for month in months})


def _recognised_plans(case: Case) -> Answered:
    plans = case.parameter("plans")
    days = whole(case, "period_days", 30)
    first: date = min(day_of(plan["from"]) for plan in plans)
    subscriptions = [
        Subscription(
            (flat(f"{place:03}", decimal_of(plan["amount"], "amount")),), day_of(plan["from"]), day_of(plan["to_exclusive"]), str(place), first, days
        )
        for place, plan in enumerate(plans)
    ]

    def parts(rated: Rated) -> list[int]:
        found = [line for line in rated[MAIN].runs[1].journals if line.role == "subscription_revenue"]
        return [-sum(line.amount_minor for line in found if line.charge == f"{place:03}") for place in range(len(plans))]

    return Answered(
        {MAIN: Scenario(subscriptions, (landed_until(first + timedelta(days=days)),), runs=2)},
        {"revenue_parts": lambda rated: [_money(part) for part in parts(rated)], "revenue": lambda rated: _money(sum(parts(rated)))},
    )


def _money(minor: int) -> str:
    return plain(Decimal(minor).scaleb(-2))
