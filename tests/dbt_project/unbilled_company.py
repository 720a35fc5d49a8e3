"""A legal entity that accrues what it has served and not billed, and revalues what it is owed in another currency: months that begin on the day
of a subscription, a fee that is billed after its quarter, an invoice that stays open."""

from __future__ import annotations

from collections.abc import Iterable

from two_months import event

ENTITY = "served"
CUSTOMERS = {
    "ANCHORED": ("USD", "anchored", "2026-01-15"),
    "QUARTERLY": ("EUR", "quarterly", "2026-01-01"),
    "OWING": ("EUR", "monthly", "2026-01-01"),
}
ROLES = {
    "receivable": "true",
    **dict.fromkeys(("tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding"), "false"),
    **dict.fromkeys(("unbilled_receivable", "unrealised_exchange_difference"), "false"),
}
FILES = {
    "legal_entities": ["entity_id,name,country,functional_currency,cutover_on", f"{ENTITY},Served,US,USD,2026-01-01"],
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone",
        *(f"{name},{name},,US,{ENTITY},{currency},UTC" for name, (currency, _, _) in CUSTOMERS.items()),
    ],
    "plans": [
        "plan_id,name,description,anchor,period_unit",
        "anchored,anchored,,subscription,",
        "quarterly,quarterly,,,quarter",
        "monthly,monthly,,,",
    ],
    "charges": [
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description",
        *(f"{plan}-calls,{plan},usage,per_unit,calls,arrears,api,untaxed,Calls" for plan in ("anchored", "monthly")),
        "quarterly-fee,quarterly,fee,flat,,arrears,platform,untaxed,Fee",
    ],
    "prices": [
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee",
        "anchored-calls,1,anchored-calls,USD,2026-01-01,,,0.1,",
        "monthly-calls,1,monthly-calls,EUR,2026-01-01,,,0.1,",
        "quarterly-fee,1,quarterly-fee,EUR,2026-01-01,,,,90",
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        *(f"{name},1,{name},{plan},{starts_on}," for name, (_, plan, starts_on) in CUSTOMERS.items()),
    ],
    "tax_rates": ["entity_id,country,tax_code,rate,effective_from,effective_to", f"{ENTITY},US,untaxed,0,2026-01-01,"],
    "exchange_rates": ["rate_date,from_currency,to_currency,rate", "2026-01-30,EUR,USD,1.1", "2026-02-27,EUR,USD,1.2"],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable",
        *(f"{ENTITY},{role},{role},asset,{is_receivable}" for role, is_receivable in ROLES.items()),
    ],
    "account_mappings": [
        "mapping_id,entity_id,role,product,account_code,effective_from",
        *(f"{ENTITY}-{role},{ENTITY},{role},*,{role},2026-01-01" for role in ROLES),
    ],
}


def january() -> Iterable[str]:
    """What landed by the fourth of February: some of it was used on the second."""
    yield event("ANCHORED", 100, "2026-01-20")
    yield event("ANCHORED", 50, "2026-02-02")
    yield event("OWING", 100, "2026-01-30")


def february() -> Iterable[str]:
    """What landed once January was closed: some of it was used in January."""
    yield event("ANCHORED", 30, "2026-01-30")
    yield event("ANCHORED", 40, "2026-02-20")
