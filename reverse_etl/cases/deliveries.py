"""Scenarios as deliveries: the files that a company would send, one customer per scenario."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from reverse_etl.cases.scenario import NO_CURRENCY, RATED_MONTHS, REFERENCE_DAY, Charge, CreditGrant, Payment, Scenario, Subscription, UsageEvent

FREE_OF_TAX = "none"
PRODUCT = "case"
ACCOUNTS = {
    "receivable": "1100",
    "usage_revenue": "4000",
    "subscription_revenue": "4100",
    "deferred_revenue": "2400",
    "tax_payable": "2200",
    "currency_rounding": "7900",
    "contract_liability": "2500",
    "promotional_credit": "4900",
    "breakage_revenue": "4800",
    "cash": "1000",
}
OF_NO_PRODUCT = {"cash"}
Rows = list[tuple[str, ...]]

HEADERS: Mapping[str, tuple[str, ...]] = {
    "legal_entities": ("entity_id", "name", "country", "functional_currency", "cutover_on", "tax_rounding", "inclusive_tax_rounding"),
    "customers": ("customer_id", "name", "email", "country", "entity_id", "currency", "time_zone", "tax_id", "payment_term_days"),
    "meters": ("meter", "unit", "aggregation", "description", "dimensions", "counted_attribute", "amount_attribute", "bucket", "largest_quantity"),
    "plans": ("plan_id", "name", "description", "anchor", "period_unit", "period_count"),
    "charges": (
        "charge_id",
        "plan_id",
        "kind",
        "charge_model",
        "meter",
        "billing_timing",
        "product",
        "tax_code",
        "description",
        "grouped_by",
        "applies_to",
    ),
    "prices": (
        "price_id",
        "price_version",
        "charge_id",
        "currency",
        "effective_from",
        "effective_to",
        "tier_up_to",
        "unit_price",
        "flat_fee",
        "rate_percent",
        "block_size",
    ),
    "price_terms": ("price_id", "price_version", "term", "value"),
    "subscriptions": ("subscription_id", "version", "customer_id", "plan_id", "starts_on", "ends_on", "anchor_on", "starts_at", "ends_at"),
    "tax_rates": ("entity_id", "country", "tax_code", "tax_component", "rate", "effective_from"),
    "exchange_rates": ("rate_date", "from_currency", "to_currency", "rate"),
    "accounts": ("entity_id", "account_code", "name", "account_type", "is_receivable"),
    "account_mappings": ("mapping_id", "entity_id", "role", "product", "account_code", "effective_from"),
    "credit_grants": ("grant_id", "customer_id", "currency", "amount", "kind", "granted_on", "expires_on", "priority", "credit_rate", "product"),
    "payments": ("payment_id", "entity_id", "invoice", "currency", "amount", "paid_on"),
}


def deliver(inbox: Path, scenarios: Mapping[str, Scenario], run: int = 0) -> None:
    """Write the reference files and the usage that every scenario has before a run; its key names the customer.

    The ids of subscriptions, plans, charges and meters are those of ``subscription_id`` and ``charge_id``.
    """
    rows: dict[str, Rows] = {source: [] for source in HEADERS}
    for scenario in {scenario.entity: scenario for scenario in scenarios.values()}.values():
        _add_entity(rows, scenario, scenarios)
    # Whatever the others are converted at, they need a rate.
    by_stated = sorted(scenarios.values(), key=lambda scenario: bool(scenario.exchange_rate))
    rates = {(day, currency): rate for scenario in by_stated for day, currency, rate in _exchange_rates(scenario)}
    rows["exchange_rates"] += sorted((day, currency, NO_CURRENCY, rate) for (day, currency), rate in rates.items())
    partitions: dict[date, list[str]] = defaultdict(list)
    for key, scenario in scenarios.items():
        rows["customers"].append((key, key, "", "US", scenario.entity, scenario.currency, scenario.time_zone, "", "30"))
        known = {subscription.name: subscription for subscription in scenario.subscriptions if subscription.known_in_run <= run}
        for subscription in known.values():
            _add_subscription(rows, key, scenario, subscription)
        rows["credit_grants"] += [_grant(key, scenario, grant) for grant in scenario.grants if grant.known_in_run == run]
        rows["payments"] += [_payment(key, scenario, payment) for payment in scenario.payments if payment.known_in_run == run]
        for number, event in enumerate(scenario.events):
            if event.run == run:
                arrival = event.occurred_at.date() + timedelta(days=event.arrives_after_days)
                partitions[arrival].append(_line(key, number, event))
    day = REFERENCE_DAY + timedelta(days=run)
    for source, content in rows.items():
        _write_table(inbox / source / day.isoformat() / f"{source}.csv", HEADERS[source], content)
    for arrival, lines in partitions.items():
        path = inbox / "usage" / arrival.isoformat() / f"cases-{run}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))


def subscription_id(key: str, subscription: Subscription) -> str:
    return f"{key}/{subscription.name}" if subscription.name else key


def charge_id(key: str, subscription: Subscription, charge: Charge) -> str:
    return f"{subscription_id(key, subscription)}/{charge.name}"


def _grant(key: str, scenario: Scenario, grant: CreditGrant) -> tuple[str, ...]:
    expires_on = grant.expires_on.isoformat() if grant.expires_on else ""
    terms = (grant.kind, grant.granted_on.isoformat(), expires_on, grant.priority, grant.credit_rate, PRODUCT)
    return (f"{key}/{grant.name}", key, scenario.currency, grant.amount, *terms)


def _payment(key: str, scenario: Scenario, payment: Payment) -> tuple[str, ...]:
    """Names its invoice by key, for its number is given when the run before is sealed."""
    invoice = f"stripe/{scenario.entity}/invoice/{key}:{payment.invoiced_on:%Y-%m}:1"
    return (f"{key}/{payment.name}", scenario.entity, invoice, scenario.currency, payment.amount, payment.paid_on.isoformat())


def _exchange_rates(scenario: Scenario) -> list[tuple[str, str, str]]:
    """Day, currency and rate of the month ends on which a document of the scenario can be dated."""
    if scenario.currency == NO_CURRENCY:
        return []
    first = min(subscription.starts_on for subscription in scenario.subscriptions).replace(day=1)
    months = [date(first.year + (first.month + offset) // 12, (first.month + offset) % 12 + 1, 1) for offset in range(RATED_MONTHS)]
    days = {month - timedelta(days=1) for month in months} | {payment.paid_on for payment in scenario.payments}
    return [(day.isoformat(), scenario.currency, scenario.exchange_rate or "1") for day in sorted(days)]


def _add_entity(rows: dict[str, Rows], owner: Scenario, scenarios: Mapping[str, Scenario]) -> None:
    since, entity = REFERENCE_DAY.isoformat(), owner.entity
    rows["legal_entities"].append((entity, "Cases", "US", NO_CURRENCY, since, owner.tax_rounding, owner.inclusive_tax_rounding))
    charges = [charge for scenario in scenarios.values() for subscription in scenario.subscriptions for charge in subscription.charges]
    rows["tax_rates"].append((entity, "US", FREE_OF_TAX, "", "0", since))
    for taxes in sorted({tuple(charge.taxes) for charge in charges if charge.taxes}):
        for tax in taxes:
            rows["tax_rates"].append((entity, "US", tax_code(taxes), tax, format(Decimal(tax).scaleb(-2), "f"), since))
    for role, code in ACCOUNTS.items():
        rows["accounts"].append((entity, code, role, "asset", str(role == "receivable").lower()))
        rows["account_mappings"].append((f"{entity}-{role}", entity, role, "" if role in OF_NO_PRODUCT else PRODUCT, code, since))


def tax_code(taxes: Iterable[str]) -> str:
    return "+".join(taxes) or FREE_OF_TAX


def _add_subscription(rows: dict[str, Rows], key: str, scenario: Scenario, subscription: Subscription) -> None:
    plan = subscription_id(key, subscription)
    periods = ("subscription", "day", str(subscription.period_days)) if subscription.period_days else ("calendar", "month", "1")
    if subscription.period_unit:
        periods = ("calendar" if subscription.calendar else "subscription", subscription.period_unit, str(subscription.period_count))
    rows["plans"].append((plan, plan, "", *periods))
    rows["subscriptions"].append(
        (
            plan,
            "1",
            key,
            plan,
            subscription.starts_on.isoformat(),
            subscription.ends_on.isoformat() if subscription.ends_on else "",
            subscription.anchor_on.isoformat() if subscription.anchor_on else "",
            subscription.starts_at.isoformat() if subscription.starts_at else "",
            subscription.ends_at.isoformat() if subscription.ends_at else "",
        )
    )
    for charge in subscription.charges:
        _add_charge(rows, charge_id(key, subscription, charge), plan, charge, scenario.currency)


def _add_charge(rows: dict[str, Rows], charge_key: str, plan: str, charge: Charge, currency: str) -> None:
    meter = charge_key if charge.kind == "usage" else ""
    if meter:
        rows["meters"].append(
            (
                meter,
                "unit",
                charge.aggregation,
                "",
                charge.dimensions,
                charge.counted_attribute,
                charge.amount_attribute,
                charge.bucket,
                "100000000000000000000",
            )
        )
    rows["charges"].append(
        (charge_key, plan, charge.kind, charge.model, meter, charge.timing, PRODUCT, tax_code(charge.taxes), "", charge.dimensions, "")
    )
    rows["prices"] += [
        (
            charge_key,
            "1",
            charge_key,
            currency,
            REFERENCE_DAY.isoformat(),
            "",
            tier.up_to or "",
            tier.unit_price,
            tier.flat_fee,
            tier.rate_percent,
            tier.block_size,
        )
        for tier in charge.tiers
    ]
    rows["price_terms"] += [(charge_key, "1", term, value) for term, value in charge.terms.items()]


def _line(key: str, number: int, event: UsageEvent) -> str:
    source, event_id = event.identity or (key, str(number))
    kind = "corrected" if event.corrected else "recorded"
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": f"{key}/{source}",
            "type": f"com.example.usage.{kind}.v1",
            "subject": key,
            "time": event.occurred_at.isoformat(),
            "data": {**event.data, "meter": f"{key}/usage" if event.metered else "none", "quantity": event.quantity},
        }
    )


def _write_table(path: Path, header: Iterable[str], rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
