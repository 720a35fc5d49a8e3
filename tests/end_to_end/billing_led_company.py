"""A small company with both patterns side by side: one plan that the warehouse rates, two that the billing platform rates."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx

from reverse_etl.sandbox.stripe.billing.provision import PlatformPrice, PlatformSubscription, PlatformTier, provision_prices, provision_subscriptions
from reverse_etl.sandbox.supervisor import endpoint_url
from reverse_etl.settings import Settings

PERIOD, NEXT_PERIOD = "2026-01", "2026-02"
ARRIVAL = date(2026, 2, 1)
ROLES = ("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding")
# Customer -> its entity, currency, plan and what it used in January.
CUSTOMERS = {
    "OWN": ("acme", "USD", "W", "calls", "40"),
    "UNIT": ("acme", "USD", "P", "calls", "101"),
    "TIER": ("acme", "EUR", "T", "jobs", "6"),
    "PART": ("acme", "USD", "P", "calls", "1.5"),
    "OTHER": ("beta", "USD", "P", "calls", "10"),
    "GONE": ("beta", "USD", "P", "calls", "20"),
}
FILES: Mapping[str, Sequence[str]] = {
    "legal_entities": [
        "entity_id,name,country,functional_currency,cutover_on",
        "acme,Acme,US,USD,2026-01-01",
        "beta,Beta,US,USD,2026-01-01",
    ],
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days",
        *(f"{name},{name},{name}@b.example,US,{entity},{currency},UTC,,30" for name, (entity, currency, *_) in CUSTOMERS.items()),
    ],
    "meters": [
        "meter,unit,aggregation,description,reported_as,reported_scale",
        "calls,call,sum,Calls,api_calls,",
        "jobs,job,sum,Jobs,,1000",
    ],
    "plans": ["plan_id,name,description", "W,Ours,", "P,By the platform,", "T,In tiers by the platform,"],
    "plan_patterns": [
        "plan_id,rated_by,effective_from",
        "P,billing_platform,2026-01-01",
        "T,billing_platform,2025-01-01",
        "W,billing_platform,2026-06-01",
    ],
    "charges": [
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description",
        "W.calls,W,usage,per_unit,calls,arrears,api,standard,Calls",
        "P.calls,P,usage,per_unit,calls,arrears,api,standard,Calls",
        "T.jobs,T,usage,graduated,jobs,arrears,api,standard,Jobs",
    ],
    "prices": [
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee,customer_id",
        "W,1,W.calls,USD,2026-01-01,,,0.5,,",
        "P,1,P.calls,USD,2026-01-01,,,0.155,,",
        "T,1,T.jobs,EUR,2026-01-01,,3,0.335,,",
        "T,1,T.jobs,EUR,2026-01-01,,,0.125,,",
        # What the platform does not know: its own price is the list's.
        "O,1,P.calls,USD,2026-01-01,,,0.2,,OTHER",
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        *(f"S-{name},1,{name},{plan},2026-01-01," for name, (_, _, plan, *_) in CUSTOMERS.items()),
    ],
    "tax_rates": [
        "entity_id,country,tax_code,rate,effective_from,effective_to",
        "acme,US,standard,0.1,2026-01-01,",
        "beta,US,standard,0.1,2026-01-01,",
    ],
    "exchange_rates": ["rate_date,from_currency,to_currency,rate", "2026-01-30,EUR,USD,1.08", "2026-02-27,EUR,USD,1.2"],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable",
        *(
            f"{entity},{1000 + number},{role},asset,{'true' if role == 'receivable' else 'false'}"
            for entity in ("acme", "beta")
            for number, role in enumerate(ROLES)
        ),
        "acme,1100,cash,asset,false",
    ],
    "account_mappings": [
        "mapping_id,entity_id,role,product,account_code,effective_from",
        *(f"M{number},*,{role},*,{1000 + number},2026-01-01" for number, role in enumerate(ROLES)),
        # The other entity has no account for what it receives.
        "CASH,acme,cash,*,1100,2026-01-01",
    ],
}
PRICES = (
    PlatformPrice("P.calls", "api_calls", "USD", (PlatformTier(None, "15.5"),)),
    # In thousandths of a job, as the meter's scale says.
    PlatformPrice("T.jobs", "jobs", "EUR", (PlatformTier(3000, "0.0335"), PlatformTier(None, "0.0125"))),
)


def deliver(settings: Settings, source: str, lines: Sequence[str], day: date = ARRIVAL, name: str = "delivered") -> None:
    folder = settings.inbox / source / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.{'jsonl' if source == 'usage' else 'csv'}").write_text("\n".join(lines) + "\n")


def event(customer: str, meter: str, quantity: str, identity: str, at: str = "2026-01-15T12:00:00Z") -> str:
    attributes = {"specversion": "1.0", "id": identity, "source": "test", "type": "com.example.usage.recorded.v1", "subject": customer, "time": at}
    return json.dumps(attributes | {"data": {"meter": meter, "quantity": quantity}})


def deliver_january(settings: Settings) -> None:
    for source, lines in FILES.items():
        deliver(settings, source, lines)
    deliver(settings, "usage", [event(name, meter, quantity, f"{name}-1") for name, (_, _, _, meter, quantity) in CUSTOMERS.items()])


@dataclass(frozen=True)
class Platform:
    """The billing platform as those who work at its dashboard have it."""

    http: httpx.Client

    @classmethod
    def of(cls, settings: Settings) -> Platform:
        key = settings.secret("stripe")
        return cls(httpx.Client(base_url=endpoint_url(settings, "stripe"), headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=120))

    def set_clock(self, now: datetime) -> None:
        assert self.http.post("/_clock", json={"offset_seconds": now.replace(tzinfo=UTC).timestamp() - time.time()}).status_code == 200

    def price(self) -> Mapping[str, str]:
        """The platform's own catalogue."""
        return provision_prices(self.http, PRICES)

    def subscribe(self, prices: Mapping[str, str], agreed: Mapping[str, str]) -> None:
        """What was agreed with customers (customer -> charge), in the platform's own subscriptions."""
        subscriptions = [PlatformSubscription(f"S-{name}", name, (charge,), date(2026, 1, 1), "10") for name, charge in agreed.items()]
        provision_subscriptions(self.http, prices, subscriptions)

    def bill(self) -> list[str]:
        invoices = self.http.post("/_bill", json={"finalize": True}).json()["invoices"]
        return [str(invoice) for invoice in invoices]

    def invoice_of(self, subscription_id: str) -> dict[str, Any]:
        for invoice in self.http.get("/v1/invoices", params={"limit": 100}).json()["data"]:
            details = (invoice["parent"] or {}).get("subscription_details") or {}
            if (details.get("metadata") or {}).get("tieout_subscription_id") == subscription_id:
                return dict(invoice)
        raise AssertionError(f"no invoice of {subscription_id}")

    def do(self, path: str, **form: Any) -> dict[str, Any]:
        answer = self.http.post(f"/v1/{path}", data=form)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
