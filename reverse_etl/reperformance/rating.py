"""What every line of an invoice comes to by now: usage at its tiers, fees by their days, discounts, and what completes a commitment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from reverse_etl.reperformance.amounts import minor_units, rounded, spread
from reverse_etl.reperformance.events import Usage
from reverse_etl.reperformance.references import Charge, Customer, Price, References, Subscription

EXACT = Context(prec=60)
SHARE_PLACES = 10**12


@dataclass(frozen=True, slots=True)
class Quantity:
    total: Decimal
    count: int
    largest: Decimal

    def of(self, aggregation: str) -> Decimal:
        return {"sum": self.total, "count": Decimal(self.count), "max": self.largest}[aggregation]


@dataclass(frozen=True, slots=True)
class DueLine:
    """``line``: subscription/charge/first day of the period; ``served_from`` to ``served_to`` is what a fee is earned in; ``minor`` is before tax."""

    line: str
    kind: str
    entity: str
    customer: Customer
    charge: Charge
    group: tuple[str, date]
    served_from: date
    served_to: date
    due_month: date
    minor: int


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def last_day(month: date) -> date:
    return next_month(month) - timedelta(days=1)


Quantities = Mapping[str, Mapping[tuple[str, date], Quantity]]
"""By subscription, then charge and month."""


def quantities_of(usage: Iterable[Usage], references: References) -> Quantities:
    """What no subscription charges for is nobody's."""
    claims: defaultdict[tuple[str, str], list[tuple[Subscription, str]]] = defaultdict(list)
    for subscription in references.subscriptions:
        for charge in references.charges.get(subscription.plan_id, ()):
            if charge.kind == "usage":
                claims[subscription.customer_id, charge.meter].append((subscription, charge.charge_id))
    days: dict[tuple[str, str, date], list[Decimal]] = {}
    for used in usage:
        days.setdefault((used.customer_id, used.meter, used.day), []).append(used.quantity)
    months: defaultdict[str, defaultdict[tuple[str, date], list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for (customer_id, meter, day), amounts in days.items():
        for subscription, charge_id in claims.get((customer_id, meter), ()):
            if subscription.starts_on <= day and (subscription.ends_on is None or day < subscription.ends_on):
                months[subscription.subscription_id][charge_id, month_of(day)] += amounts
                break
    with localcontext(EXACT):
        return {
            subscription_id: {key: Quantity(sum(amounts, Decimal(0)), len(amounts), max(amounts)) for key, amounts in own.items()}
            for subscription_id, own in months.items()
        }


def due_lines(references: References, quantities: Quantities, customers: Iterable[str], until: date) -> dict[str, DueLine]:
    """The lines of these customers that are due up to the month ``until``, by key; what cannot be priced is not among them."""
    chosen = set(customers)
    lines: dict[str, DueLine] = {}
    for subscription in references.subscriptions:
        customer = references.customers.get(subscription.customer_id)
        if customer is None or customer.customer_id not in chosen or customer.entity not in references.entities:
            continue
        used = quantities.get(subscription.subscription_id, {})
        groups: defaultdict[date, list[DueLine]] = defaultdict(list)
        for charge in references.charges.get(subscription.plan_id, ()):
            priced = (
                _usage_lines(references, subscription, customer, charge, used)
                if charge.kind == "usage"
                else _fee_lines(references, subscription, customer, charge, until)
                if charge.kind == "fee"
                else ()
            )
            for line in priced:
                groups[line.group[1]].append(line)
        for month, group in groups.items():
            for line in _completed(references, subscription, customer, month, _discounted(references, subscription, customer, month, group)):
                if month_of(references.entities[line.entity].cutover_on) <= line.due_month <= until:
                    lines[line.line] = line
    return lines


def _usage_lines(
    references: References, subscription: Subscription, customer: Customer, charge: Charge, used: Mapping[tuple[str, date], Quantity]
) -> Iterator[DueLine]:
    for (charge_id, month), quantity in used.items():
        price = references.price(charge_id, customer, month)
        if charge_id != charge.charge_id or price is None:
            continue
        amount = _tiered(charge.model, quantity.of(references.meters[charge.meter].aggregation), price)
        if amount is not None:
            minor = rounded(amount * minor_units(customer.currency))
            yield _line("usage", subscription, customer, charge, month, (month, next_month(month)), month, minor)


def _tiered(model: str, quantity: Decimal, price: Price) -> Fraction | None:
    """What a quantity costs; None where it is negative or no tier reaches it."""
    reached = next((place for place, tier in enumerate(price.tiers) if tier.up_to is None or quantity <= tier.up_to), None)
    if quantity < 0 or reached is None:
        return None
    total, lower = Fraction(0), Decimal(0)
    for tier in price.tiers[: reached + 1]:
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if model != "volume" or tier is price.tiers[reached]:
            part = Fraction(quantity) if model == "volume" else Fraction(upper) - Fraction(lower)
            units = part if tier.block_size is None else -(-part // Fraction(tier.block_size))
            total += units * Fraction(tier.unit_price) + (Fraction(tier.flat_fee) if part > 0 else 0)
        lower = upper
    return total


def _fee_lines(references: References, subscription: Subscription, customer: Customer, charge: Charge, until: date) -> Iterator[DueLine]:
    month = month_of(subscription.starts_on)
    # A fee in advance is due in the month before its period.
    while month <= next_month(until):
        served_from, served_to = _served(subscription, month)
        price = references.price(charge.charge_id, customer, served_from)
        if served_from < served_to and price is not None and len(price.tiers) == 1:
            if not charge.in_advance:
                due = month_of(served_to - timedelta(days=1))
            elif served_from == subscription.starts_on:
                due = month
            else:
                due = month_of(month - timedelta(days=1))
            minor = _part_of_month(price, month, served_from, served_to, customer)
            yield _line("fee", subscription, customer, charge, month, (served_from, served_to), due, minor)
        month = next_month(month)


def _served(subscription: Subscription, month: date) -> tuple[date, date]:
    ends = next_month(month) if subscription.ends_on is None else min(next_month(month), subscription.ends_on)
    return max(month, subscription.starts_on), ends


def _part_of_month(price: Price, month: date, served_from: date, served_to: date, customer: Customer) -> int:
    whole = price.terms.get("proration", "days").lower() == "none"
    share = Fraction(1) if whole else Fraction((served_to - served_from).days, (next_month(month) - month).days)
    return rounded(Fraction(price.tiers[0].flat_fee) * share * minor_units(customer.currency))


def _line(
    kind: str, subscription: Subscription, customer: Customer, charge: Charge, month: date, served: tuple[date, date], due: date, minor: int
) -> DueLine:
    key = f"{subscription.subscription_id}/{charge.charge_id}/{month.isoformat()}"
    return DueLine(key, kind, customer.entity, customer, charge, (subscription.subscription_id, month), *served, due, minor)


def _discounted(references: References, subscription: Subscription, customer: Customer, month: date, lines: list[DueLine]) -> list[DueLine]:
    """Percentages of what the former ones left, then fixed amounts, never more than there is, spread over the lines."""
    left, fixed, found = Fraction(1), 0, False
    for charge, price, served in _charges_of_month(references, subscription, customer, month, "discount"):
        found = True
        if charge.model == "percent":
            kept = 1 - Fraction(Decimal(price.terms.get("discount_percent", "0"))) / 100
            left = Fraction(rounded(left * kept * SHARE_PLACES), SHARE_PLACES)
        else:
            fixed += _part_of_month(price, month, *served, customer)
    if not found:
        return lines
    shares = {line.line: line.minor for line in lines if line.minor > 0}
    base = sum(shares.values())
    taken = spread(min(base, rounded(base * (1 - left)) + fixed), shares)
    return [replace(line, minor=line.minor - taken.get(line.line, 0)) for line in lines]


def _completed(references: References, subscription: Subscription, customer: Customer, month: date, lines: list[DueLine]) -> list[DueLine]:
    """The lines and what is missing from each commitment that covers them."""
    completed = list(lines)
    for charge, price, served in _charges_of_month(references, subscription, customer, month, "commitment"):
        covered = sum(line.minor for line in lines if not charge.applies_to or line.charge.charge_id in charge.applies_to)
        missing = max(_part_of_month(price, month, *served, customer) - covered, 0)
        due = month_of(served[1] - timedelta(days=1))
        completed.append(_line("commitment", subscription, customer, charge, month, served, due, missing))
    return completed


def _charges_of_month(
    references: References, subscription: Subscription, customer: Customer, month: date, kind: str
) -> Iterator[tuple[Charge, Price, tuple[date, date]]]:
    served = _served(subscription, month)
    if served[0] >= served[1]:
        return
    for charge in sorted(references.charges.get(subscription.plan_id, ()), key=lambda charge: charge.charge_id):
        price = references.price(charge.charge_id, customer, served[0]) if charge.kind == kind else None
        if price is not None:
            yield charge, price, served
