"""Three small companies: one whose people decide, one with many small corrections, one with prices that net to zero."""

from __future__ import annotations

import json
from collections.abc import Mapping

ENTITIES = ("acme", "many", "netting")
ROLES = ("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding", "cash", "bad_debt")

# Customer -> legal entity, plan, calls in January.
CUSTOMERS: Mapping[str, tuple[str, str, str]] = {
    "GOODWILL": ("acme", "P", "1000"),
    "LESS": ("acme", "P", "10"),
    "FULL": ("acme", "P", "33.33"),
    "WHOLE": ("acme", "P", "10"),
    "OVER": ("acme", "P", "10"),
    "VOIDYES": ("acme", "P", "7"),
    "VOIDNO": ("acme", "P", "8"),
    "VOIDTWICE": ("acme", "P", "9"),
    "WITHDRAWN": ("acme", "P", "11"),
    "LATE": ("acme", "P", "12"),
    "PRICED": ("acme", "R", "100"),
    "COMMITTED": ("acme", "C", "100"),
    "SPIKE": ("acme", "P", "10"),
    "STEADY": ("acme", "P", "10"),
    "REFUNDED": ("acme", "P", "10"),
    "LOST": ("acme", "P", "10"),
    "OPEN": ("acme", "P", "10"),
    "ADJUSTED": ("acme", "P", "10"),
    "READJUSTED": ("acme", "P", "10"),
    **{f"MANY{number}": ("many", "P", "10") for number in range(4)},
    "DOWN": ("netting", "R", "100"),
    "UP": ("netting", "S", "100"),
}
CHARGES = "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description"
PRICES = "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee"
PAYMENTS = "payment_id,entity_id,invoice,amount,currency,paid_on,status,method"
MAPPINGS = "mapping_id,entity_id,role,product,account_code,effective_from"
FILES: Mapping[str, list[str]] = {
    "legal_entities": ["entity_id,name,country,functional_currency,cutover_on", *(f"{name},{name},US,USD,2026-01-01" for name in ENTITIES)],
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days",
        *(f"{name},{name},a@b.example,US,{entity},USD,UTC,,30" for name, (entity, _, _) in CUSTOMERS.items()),
    ],
    "meters": ["meter,unit,aggregation,description", "calls,call,sum,Calls", "seats,seat,sum,Seats"],
    "plans": ["plan_id,name,description", *(f"{plan},{plan},{plan}" for plan in "PRSC")],
    "charges": [
        CHARGES,
        *(f"{plan}.calls,{plan},usage,per_unit,calls,arrears,api,standard,Calls" for plan in "PRSC"),
        "P.seats,P,usage,per_unit,seats,arrears,api,standard,Seats",
        "C.minimum,C,commitment,flat,,arrears,api,standard,Minimum",
    ],
    "prices": [
        PRICES,
        "P,1,P.calls,USD,2026-01-01,,,1,",
        "PS,1,P.seats,USD,2026-01-01,,,1,",
        "R,1,R.calls,USD,2026-01-01,,,2,",
        "S,1,S.calls,USD,2026-01-01,,,1,",
        "C,1,C.calls,USD,2026-01-01,,,1,",
        "CM,1,C.minimum,USD,2026-01-01,,,,500",
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        *(f"S-{name},1,{name},{plan},2026-01-01,{'2026-02-01' if plan == 'C' else ''}" for name, (_, plan, _) in CUSTOMERS.items()),
    ],
    "tax_rates": ["entity_id,country,tax_code,rate,effective_from,effective_to", *(f"{name},US,standard,0.2,2026-01-01," for name in ENTITIES)],
    "exchange_rates": ["rate_date,from_currency,to_currency,rate"],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable",
        *(
            f"{name},{code},{role},asset,{'true' if role == 'receivable' else 'false'}"
            for name in ENTITIES
            for code, role in [(1000 + number, role) for number, role in enumerate(ROLES)] + [(2004, "usage_revenue")]
        ),
    ],
    "account_mappings": [MAPPINGS, *(f"M{number},*,{role},*,{1000 + number},2026-01-01" for number, role in enumerate(ROLES))],
}
# A price that was wrong from the beginning: its first version ends before it began to be used, the second takes its place.
CORRECTED_PRICES = [
    PRICES,
    *(f"{plan},1,{plan}.calls,USD,2025-01-01,2026-01-01,,{old}," for plan, old in (("R", 2), ("S", 1))),
    *(f"{plan},2,{plan}.calls,USD,2026-01-01,,,1.5," for plan in "RS"),
]


def event(customer: str, quantity: str, day: str, name: str = "usage", meter: str = "calls") -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{customer}-{name}-{meter}-{day}",
            "source": "test",
            "type": f"com.example.usage.{'corrected' if quantity.startswith('-') else 'recorded'}.v1",
            "subject": customer,
            "time": f"{day}T12:00:00Z",
            "data": {"meter": meter, "quantity": quantity},
        }
    )
