"""Customers whose keys change after their January was issued: other ids, a merge, a charge that is told apart by region."""

from __future__ import annotations

from collections.abc import Iterable

from two_months import event

# Customer -> calls in January, each with a subscription of its own name.
CALLS = {"RENAMED": 100, "RECHARGED": 100, "OLD": 100, "SURVIVOR": 100, "MOVED": 100, "ABROAD": 100, "TOLD-LATE": 100}
PLANS = {"RECHARGED": "recharged", "SPLIT": "split", "UNTOLD": "untold"}
CURRENCIES = {"ABROAD": "USD"}
CUSTOMERS = (*CALLS, "SPLIT", "UNTOLD")
PRODUCTS = {"recharged": "calls", "split": "regional", "untold": "regional"}


def _charge(charge: str, plan: str, grouped_by: str = "") -> str:
    return f"{charge},{plan},usage,per_unit,{PRODUCTS[plan]},arrears,api,standard,Calls,{grouped_by}"


def _price(charge: str, price: str) -> str:
    return f"{price},1,{charge},EUR,2026-01-01,,,0.1,"


CHARGES = "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description,grouped_by"
SUBSCRIPTIONS = "subscription_id,version,customer_id,plan_id,starts_on,ends_on"
PRICES = "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee"
FILES = {
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone",
        *(f"{name},{name},,DE,de,{CURRENCIES.get(name, 'EUR')},UTC" for name in CUSTOMERS),
    ],
    "meters": ["meter,unit,aggregation,description,dimensions", "regional,call,sum,Calls,region"],
    "plans": ["plan_id,name,description", *(f"{plan},{plan}," for plan in PRODUCTS)],
    "charges": [CHARGES, *(_charge(plan, plan) for plan in PRODUCTS)],
    "prices": [PRICES, *(_price(plan, plan) for plan in PRODUCTS)],
    "subscriptions": [
        SUBSCRIPTIONS,
        *(f"{name},1,{name},{PLANS.get(name, 'added')},2026-01-01," for name in CUSTOMERS),
        "TOLD-LATE-NEXT,1,TOLD-LATE,added,2026-01-15,",
    ],
}
# The same subscription and charge under other ids; MOVED is delivered with the survivor of its customer.
FILES_OF_FEBRUARY = {
    "subscriptions": [
        SUBSCRIPTIONS,
        "RENAMED-AGAIN,1,RENAMED,added,2026-01-01,",
        "MOVED,2,SURVIVOR,added,2026-01-01,",
    ],
    "charges": [CHARGES, _charge("recharged-next", "recharged"), _charge("split", "split", "region"), _charge("untold", "untold", "region")],
    "prices": [PRICES, _price("recharged-next", "recharged")],
    "key_aliases": [
        "kind,old_key,new_key,effective_from",
        "subscription,RENAMED,RENAMED-AGAIN,2026-02-15",
        "subscription,TOLD-LATE,TOLD-LATE-NEXT,2026-02-15",
        "charge,recharged,recharged-next,2026-02-15",
        "customer,OLD,SURVIVOR,2026-02-01",
        "customer,MOVED,SURVIVOR,2026-02-01",
        "customer,ABROAD,SURVIVOR,2026-02-01",
        "dimension,split,split/region=eu,2026-02-15",
    ],
}


def january() -> Iterable[str]:
    yield from (event(name, calls, "2026-01-30") for name, calls in CALLS.items())
    for name in ("SPLIT", "UNTOLD"):
        yield event(name, 60_000, "2026-01-30", "regional", region="eu")
        yield event(name, 40_000, "2026-01-30", "regional", region="us")


def february() -> Iterable[str]:
    """Late calls of January and those of February, under the ids that the product has always used."""
    for name in ("RENAMED", "RECHARGED", "TOLD-LATE", "OLD", "MOVED", "ABROAD"):
        yield event(name, 10, "2026-01-31")
        yield event(name, 30, "2026-02-10")
    yield event("SURVIVOR", 50, "2026-02-10")
