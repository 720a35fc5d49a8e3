"""Deliveries of one small company, each awkward in its own way, in the order in which they land."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HEADERS: Mapping[str, str] = {
    "legal_entities": "entity_id,name,country,functional_currency,cutover_on",
    "key_aliases": "kind,old_key,new_key,effective_from",
    "customers": "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days",
    "meters": "meter,unit,aggregation,description,dimensions,counted_attribute,amount_attribute,bucket,largest_quantity",
    "plans": "plan_id,name,description",
    "charges": "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description,grouped_by",
    "prices": "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee,rate_percent",
    "subscriptions": "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
    "tax_rates": "entity_id,country,tax_code,rate,effective_from,effective_to",
    "accounts": "entity_id,account_code,name,account_type,is_receivable",
    "account_mappings": "mapping_id,entity_id,role,product,account_code,effective_from",
}
ROLES = ("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding")


def event(event_id: str, time: str, quantity: str = "1", customer: str = "near", meter: str = "calls", kind: str = "recorded", **data: str) -> str:
    """An event line; ``time`` is YYYY-MM-DD or a whole instant."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": "gateway",
            "type": f"com.example.usage.{kind}.v1",
            "subject": customer,
            "time": time if "T" in time else f"{time}T12:00:00Z",
            "data": {"meter": meter, "quantity": quantity, **data},
        }
    )


def retraction(retraction_id: str, event_id: str, time: str, customer: str = "near") -> str:
    line = json.loads(event(retraction_id, time, customer=customer, kind="retracted"))
    return json.dumps({**line, "data": {"source": "gateway", "id": event_id}})


@dataclass(frozen=True)
class Delivery:
    """``usage``: landing day -> event lines; ``reference``: source -> rows."""

    name: str
    usage: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reference: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reference_day: str = "2026-01-01"

    def write(self, inbox: Path) -> None:
        for day, lines in self.usage.items():
            self._file(inbox / "usage" / day / f"{self.name}.jsonl", lines)
        for source, rows in self.reference.items():
            self._file(inbox / source / self.reference_day / f"{self.name}.csv", [HEADERS[source], *rows])

    @staticmethod
    def _file(path: Path, lines: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))


COMPANY = {
    "legal_entities": ["acme,Acme,US,USD,2026-01-01"],
    "customers": [f"{name},{name},,US,acme,USD,{zone},,30" for name, zone in (("near", "UTC"), ("far", "Pacific/Auckland"), ("left", "UTC"))],
    "meters": ["calls,call,sum,Calls,region,,,,", "users,user,unique_count,Users,,user,,,", "money,dollar,sum,Money,,,,,"],
    "plans": ["P,Plan,Plan"],
    "charges": [
        "P.calls,P,usage,per_unit,calls,arrears,api,standard,Calls,region",
        "P.users,P,usage,per_unit,users,arrears,api,standard,Users,",
        "P.money,P,usage,percentage,money,arrears,api,standard,Money,",
        "P.later,P,usage,per_unit,later,arrears,api,standard,Later,",
    ],
    "prices": [
        *(f"{charge},1,{charge},USD,2026-01-01,,,0.5,," for charge in ("P.calls", "P.users", "P.later")),
        "P.money,1,P.money,USD,2026-01-01,,,,,2.5",
    ],
    "subscriptions": [f"S-{name},1,{name},P,2026-01-01," for name in ("near", "far", "later", "left")],
    "tax_rates": ["acme,US,standard,0.1,2026-01-01,"],
    "accounts": [f"acme,{1000 + number},{role},asset,{str(role == 'receivable').lower()}" for number, role in enumerate(ROLES)],
    "account_mappings": [f"M{number},acme,{role},*,{1000 + number},2026-01-01" for number, role in enumerate(ROLES)],
}

FIRST = Delivery(
    "first",
    {
        "2026-01-05": [
            event("a", "2026-01-05", "10", region="eu"),
            event("b", "2026-01-05", "20", region="us"),
            event("same-day", "2026-01-05", "5"),
            event("same-day", "2026-01-05", "5"),
            event("disputed", "2026-01-05", "7"),
            event("disputed", "2026-01-05", "8"),
            event("u1", "2026-01-05", meter="users", user="ann"),
            event("edge", "2026-01-05T11:30:00Z", "3", customer="far"),
            event("before", "2026-01-05", "13", customer="left"),
            event("unknown-customer", "2026-01-05", "11", customer="later"),
            event("unknown-meter", "2026-01-05", "12", meter="later"),
            retraction("r-early", "comes-later", "2026-01-04"),
            retraction("r-never", "never-comes", "2026-01-04"),
        ],
        "2026-01-06": [
            event("a", "2026-01-05", "10", region="eu"),
            event("b", "2026-01-05", "21", region="us"),
            event("c", "2026-01-06", "30", region="eu"),
            event("m1", "2026-01-06", "99.5", meter="money"),
            event("u2", "2026-01-06", meter="users", user="bob"),
            event("u3", "2026-01-06", customer="left", meter="users", user="bob"),
            event("at-window", "2026-01-06T00:00:00Z", "40"),
            event("reused", "2026-01-06", "50"),
        ],
    },
    COMPANY,
)
LATE = Delivery(
    "late",
    {
        # An earlier day that has been built; its dispute is with what had been kept.
        "2026-01-05": [event("late", "2026-01-03", "60", region="us"), event("u1", "2026-01-05", meter="users", user="eve")],
        "2026-01-07": [event("comes-later", "2026-01-04", "70"), event("m2", "2026-01-07", "0.5", meter="money"), "no event"],
        "2026-02-10": [event("at-window", "2026-01-06T00:00:00Z", "40"), event("reused", "2026-02-10", "51")],
    },
)
CHANGED = Delivery(
    "changed",
    reference={
        "customers": ["later,later,,US,acme,USD,UTC,,30", "far,far,,US,acme,USD,America/Havana,,30"],
        "meters": ["later,later,sum,Later,,,,,", 'calls,call,sum,Calls,"region,zone",,,,'],
        "charges": ['P.calls,P,usage,per_unit,calls,arrears,api,standard,Calls,"region,zone"'],
        "subscriptions": ["S-near,2,near,P,2026-01-06,", "S-left-next,1,near,P,2026-01-01,"],
        # A merge, another id and another dimension change what had been built of days that nothing else touches.
        "key_aliases": [
            "customer,left,near,2026-01-20",
            "subscription,S-left,S-left-next,2026-02-11",
            "dimension,P.calls/region=eu,P.calls/region=eu;zone=,2026-02-11",
        ],
    },
    reference_day="2026-02-11",
)
TAKEN_BACK = Delivery(
    "taken-back",
    {
        "2026-02-09": [
            retraction("r1", "c", "2026-01-06"),
            retraction("r2", "c", "2026-01-06"),
            retraction("r3", "a", "2026-01-03"),
            retraction("r1", "c", "2026-01-06"),
        ],
        "2026-02-10": [event("c", "2026-01-06", "30", region="eu")],
        # More than the window after the first event of this identity, and within the window of the second.
        "2026-02-12": [event("reused", "2026-02-12", "52")],
        "2026-02-13": [event("x", "2026-02-13", "1"), event("after", "2026-02-12", "14", customer="left")],
        "2026-03-01": [event("old", "2026-03-01", "2")],
        # Beyond the window the same identity is another event.
        "2026-04-07": [event("old", "2026-04-07", "3")],
        "2026-04-08": [event("old", "2026-04-08", "4")],
        "2026-04-09": [],
    },
)
DELIVERIES = (FIRST, LATE, CHANGED, TAKEN_BACK)
