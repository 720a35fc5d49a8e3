"""The deliveries of one legal entity: two customers with usage and a fee, one of them in a foreign currency; later some usage more and some less."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, str]
FIRST_DAY, LATE_DAY = "2026-02-01", "2026-02-03"
PERIOD = "2026-01"
ROLES = (
    *("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding"),
    *("cash", "bad_debt", "realised_exchange_difference"),
)
SHARED: dict[str, list[Row]] = {
    "meters": [
        {"meter": "calls", "unit": "call", "aggregation": "sum", "description": "Calls"},
        {"meter": "seats", "unit": "seat", "aggregation": "sum", "description": "Seats"},
    ],
    "exchange_rates": [
        {"rate_date": "2026-01-30", "from_currency": "EUR", "to_currency": "USD", "rate": "1.0837"},
        {"rate_date": "2026-01-12", "from_currency": "EUR", "to_currency": "CHF", "rate": "0.9412"},
    ],
}


@dataclass
class Deliveries:
    """``tables``: source -> rows by column; ``events``: CloudEvents by customer. What a defect changes before it is delivered."""

    entity: str
    tables: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The customer in the functional currency, whose late usage asks for another invoice."""
        return f"first.{self.entity}"

    @property
    def second(self) -> str:
        """The customer in a foreign currency, whose correction asks for a credit memo."""
        return f"second.{self.entity}"

    def row(self, source: str, **values: str) -> Row:
        """The one delivered row that has these values."""
        [found] = [row for row in self.tables[source] if values.items() <= row.items()]
        return found

    def remove(self, source: str, **values: str) -> None:
        self.tables[source].remove(self.row(source, **values))

    def add(self, source: str, **values: str) -> None:
        self.tables[source].append(values)

    def use(self, customer: str, quantity: str, day: str = "2026-01-20", event_id: str = "usage", meter: str = "calls") -> None:
        kind = "corrected" if quantity.startswith("-") else "recorded"
        event = {"specversion": "1.0", "id": f"{event_id}-{day}", "source": customer, "type": f"com.example.usage.{kind}.v1"}
        self.events.append({**event, "subject": customer, "time": f"{day}T12:00:00Z", "data": {"meter": meter, "quantity": quantity}})


def first_deliveries(entity: str) -> Deliveries:
    made = Deliveries(entity)
    made.add("legal_entities", entity_id=entity, name=entity, country="US", functional_currency="USD", cutover_on="2026-01-01")
    made.add("plans", plan_id=entity, name=entity)
    made.add(
        "charges",
        charge_id=f"{entity}.calls",
        plan_id=entity,
        kind="usage",
        charge_model="per_unit",
        meter="calls",
        billing_timing="arrears",
        product="api",
        tax_code="standard",
        description="Calls",
    )
    made.add(
        "charges",
        charge_id=f"{entity}.base",
        plan_id=entity,
        kind="fee",
        charge_model="flat",
        meter="",
        billing_timing="advance",
        product="api",
        tax_code="standard",
        description="Base fee",
    )
    for customer, currency in ((made.first, "USD"), (made.second, "EUR")):
        made.add("customers", customer_id=customer, name=customer, country="US", entity_id=entity, currency=currency, time_zone="UTC")
        made.add("subscriptions", subscription_id=f"S.{customer}", version="1", customer_id=customer, plan_id=entity, starts_on="2026-01-01")
        made.row("subscriptions", customer_id=customer)["ends_on"] = "2026-02-01"
        for charge, price in (("calls", {"unit_price": "0.10"}), ("base", {"flat_fee": "50.00"})):
            made.add(
                "prices",
                price_id=f"{currency}.{entity}.{charge}",
                price_version="1",
                charge_id=f"{entity}.{charge}",
                **{"currency": currency, "effective_from": "2026-01-01", **price},
            )
        made.use(customer, "1000")
        made.use(customer, "234.5", "2026-01-21")
    made.add("tax_rates", entity_id=entity, country="US", tax_code="standard", rate="0.0725", effective_from="2026-01-01")
    for number, role in enumerate(ROLES):
        is_receivable = "true" if role == "receivable" else "false"
        made.add("accounts", entity_id=entity, account_code=str(1000 + number), name=role, account_type="asset", is_receivable=is_receivable)
        made.add(
            "account_mappings",
            mapping_id=f"{entity}.{role}",
            entity_id=entity,
            role=role,
            product="*",
            account_code=str(1000 + number),
            effective_from="2026-01-01",
        )
    return made


def late_deliveries(entity: str) -> Deliveries:
    made = Deliveries(entity)
    made.use(made.first, "50", "2026-01-22", "late")
    made.use(made.second, "-40", "2026-01-22", "late")
    return made


def write(inbox: Path, day: str, deliveries: Iterable[Deliveries], shared: dict[str, list[Row]]) -> None:
    """One file per source of the company; usage comes in a file per legal entity, so that a file names whose it is."""
    tables: defaultdict[str, list[Row]] = defaultdict(list, {source: list(rows) for source, rows in shared.items()})
    for one in deliveries:
        for source, rows in one.tables.items():
            tables[source] += rows
        path = inbox / "usage" / day / f"{one.entity}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(event)}\n" for event in one.events))
    for source, rows in tables.items():
        path = inbox / source / day / f"{source}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
