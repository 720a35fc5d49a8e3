"""A company of three legal entities, each with its books in another ERP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from reverse_etl.settings import Settings

PERIOD = "2026-01"
ARRIVAL = date(2026, 2, 1)
# Entity -> its functional currency and the ERP that keeps its ledger.
ENTITIES = {"acme_us": ("USD", "netsuite"), "acme_eu": ("EUR", "xero"), "acme_uk": ("GBP", "quickbooks")}
ROLES = ("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding")
ACCOUNTS = {role: str(1000 + number) for number, role in enumerate(ROLES)}
# Customer -> its entity, its currency and what it used in January.
CUSTOMERS = {
    "AURORA": ("acme_us", "USD", "101"),
    "BRISE": ("acme_us", "EUR", "33"),
    "CIRRUS": ("acme_eu", "EUR", "7"),
    "DRIZZLE": ("acme_uk", "GBP", "12"),
}
FILES: Mapping[str, Sequence[str]] = {
    "legal_entities": [
        "entity_id,name,country,functional_currency,cutover_on,ledger",
        *(f"{entity},{entity},US,{currency},2026-01-01,{ledger}" for entity, (currency, ledger) in ENTITIES.items()),
    ],
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days",
        *(f"{name},{name} Ltd.,{name}@c.example,US,{entity},{currency},UTC,,30" for name, (entity, currency, _) in CUSTOMERS.items()),
    ],
    "meters": ["meter,unit,aggregation,description", "calls,call,sum,Calls"],
    "plans": ["plan_id,name,description", "P,Plan,"],
    "charges": [
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description",
        "P.calls,P,usage,per_unit,calls,arrears,api,standard,Calls",
        "P.fee,P,fee,flat,,advance,platform,standard,Fee",
    ],
    "prices": [
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee",
        *(f"{currency},1,P.calls,{currency},2026-01-01,,,0.155," for currency in ("USD", "EUR", "GBP")),
        *(f"{currency}-fee,1,P.fee,{currency},2026-01-01,,,,20" for currency in ("USD", "EUR", "GBP")),
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        *(f"S-{name},1,{name},P,2026-01-01," for name in CUSTOMERS),
    ],
    "tax_rates": [
        "entity_id,country,tax_code,rate,effective_from,effective_to",
        *(f"{entity},US,standard,0.19,2026-01-01," for entity in ENTITIES),
    ],
    "exchange_rates": ["rate_date,from_currency,to_currency,rate", "2026-01-30,EUR,USD,1.0837"],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable",
        *(f"{entity},{code},{role},asset,{'true' if role == 'receivable' else 'false'}" for entity in ENTITIES for role, code in ACCOUNTS.items()),
    ],
    "account_mappings": [
        "mapping_id,entity_id,role,product,account_code,effective_from",
        *(f"M{code},*,{role},*,{code},2026-01-01" for role, code in ACCOUNTS.items()),
    ],
}
DESTINATIONS: Mapping[str, Mapping[str, Any]] = {
    "stripe": {"secret_environment": "STRIPE_API_KEY", "secret_file": "secrets/stripe_api_key"},
    "netsuite": {
        "authorization": {"method": "token_based", "realm": "TSTDRV1", "consumer_key": "consumer", "token_id": "token"},
        # The stand-in numbers currencies by their codes: EUR, GBP, JPY, USD.
        "entities": {"acme_us": {"currency": "4"}},
    },
    "xero": {"authorization": {"method": "refresh_token", "client_id": "tieout"}, "account_codes": {ACCOUNTS["receivable"]: "RECEIVABLE"}},
    "quickbooks": {"authorization": {"method": "refresh_token", "client_id": "tieout"}},
}


def settings_of(home: Path) -> Settings:
    return Settings.model_validate({"home": home, "entities": list(ENTITIES), "first_period": PERIOD, "destinations": DESTINATIONS})


def deliver(settings: Settings) -> None:
    used = [_event(customer, quantity, day) for customer, (_, _, quantity) in CUSTOMERS.items() for day in ("2026-01-05", "2026-01-31")]
    for source, lines in {**FILES, "usage": used}.items():
        folder = settings.inbox / source / ARRIVAL.isoformat()
        folder.mkdir(parents=True)
        (folder / f"delivered.{'jsonl' if source == 'usage' else 'csv'}").write_text("\n".join(lines) + "\n")


def _event(customer: str, quantity: str, day: str) -> str:
    attributes = {"specversion": "1.0", "id": f"{customer}-{day}", "source": "test", "type": "com.example.usage.recorded.v1", "subject": customer}
    return json.dumps({**attributes, "time": f"{day}T12:00:00Z", "data": {"meter": "calls", "quantity": quantity}})
