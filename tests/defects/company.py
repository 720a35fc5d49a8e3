"""The deliveries of one legal entity: two customers with usage and a fee, one of them in a foreign currency; later some usage more and some less."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, str]
FIRST_DAY, LATE_DAY = "2026-02-01", "2026-02-03"
PERIOD, NEXT_PERIOD = "2026-01", "2026-02"
SUMMARISED = "clean_two"
"""A legal entity without defects whose ERP is posted a summary a day."""
ROLES = (
    *("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding", "cash", "bad_debt"),
    *("intercompany_receivable", "intercompany_payable", "intercompany_revenue", "intercompany_expense"),
    "realised_exchange_difference",
)
SNAPSHOT_ROLES = ("unbilled_receivable", "unrealised_exchange_difference")
SELLER = "clean_three"
"""Sells what another entity contracts, where a delivery says so; it has no defect."""


def sold_by_another(entity: str) -> Row:
    """The agreement by which the seller gets four fifths of what the entity invoices."""
    agreed = {"entity_id": entity, "product": "api", "selling_entity_id": SELLER, "transfer_share": "0.8"}
    return {**agreed, "effective_from": "2026-01-01"}


SHARED: dict[str, list[Row]] = {
    "meters": [
        {"meter": "calls", "unit": "call", "aggregation": "sum", "description": "Calls"},
        {"meter": "seats", "unit": "seat", "aggregation": "sum", "description": "Seats"},
    ],
    "exchange_rates": [
        {"rate_date": "2026-01-30", "from_currency": "EUR", "to_currency": "USD", "rate": "1.0837"},
        {"rate_date": "2026-01-30", "from_currency": "GBP", "to_currency": "USD", "rate": "1.2715"},
        {"rate_date": "2026-01-30", "from_currency": "CAD", "to_currency": "USD", "rate": "0.7324"},
        {"rate_date": "2026-01-12", "from_currency": "EUR", "to_currency": "CHF", "rate": "0.9412"},
    ],
    "intercompany_agreements": [sold_by_another("clean_two")],
    "books": [{"entity_id": "clean_one", "book": "tax", "fee_recognition": "on_invoice"}],
}


@dataclass
class Deliveries:
    """``tables``: source -> rows by column; ``events``: CloudEvents by customer. What a defect changes before it is delivered."""

    entity: str
    tables: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    events: list[dict[str, Any]] = field(default_factory=list)
    told_rows: int = 0
    """How many rows of usage the producer tells more than it sends."""
    is_sent: bool = True
    """Whether the file of usage arrives."""

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
    granularity = "daily_summary" if entity == SUMMARISED else "entry"
    made.add("legal_entities", entity_id=entity, name=entity, country="US", functional_currency="USD", cutover_on="2026-01-01")
    made.row("legal_entities", entity_id=entity)["posting_granularity"] = granularity
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


def serve_on(made: Deliveries, currency: str = "GBP") -> None:
    """Let a legal entity accrue and revalue: a month of its first customer goes on beyond the period, its second customer owes in ``currency``."""
    for number, role in enumerate(SNAPSHOT_ROLES, len(ROLES)):
        account = str(1000 + number)
        made.add("accounts", entity_id=made.entity, account_code=account, name=role, account_type="asset", is_receivable="false")
        mapped = {"mapping_id": f"{made.entity}.{role}", "entity_id": made.entity, "role": role, "product": "*"}
        made.add("account_mappings", **mapped, account_code=account, effective_from="2026-01-01")
    plan = f"{made.entity}.anchored"
    made.add("plans", plan_id=plan, name=plan, anchor="subscription")
    made.add("charges", **{**made.row("charges", charge_id=f"{made.entity}.calls"), "charge_id": plan, "plan_id": plan, "meter": "seats"})
    price = {"price_id": plan, "price_version": "1", "charge_id": plan, "currency": "USD"}
    made.add("prices", **price, effective_from="2026-01-01", unit_price="0.10")
    made.add("subscriptions", subscription_id=f"S.{plan}", version="1", customer_id=made.first, plan_id=plan, starts_on="2026-01-15")
    made.use(made.first, "100", "2026-01-20", "seat", "seats")
    for row in (made.row("customers", customer_id=made.second), *made.tables["prices"]):
        row["currency"] = currency if row["currency"] == "EUR" else row["currency"]


def late_deliveries(entity: str) -> Deliveries:
    made = Deliveries(entity)
    made.use(made.first, "50", "2026-01-22", "late")
    made.use(made.second, "-40", "2026-01-22", "late")
    return made


# The rate of the last day of the period is known once invoices are issued: what is open then is worth something else.
SHARED_LATE: dict[str, list[Row]] = {
    "exchange_rates": [{"rate_date": "2026-01-31", "from_currency": "GBP", "to_currency": "USD", "rate": "1.2894"}],
}


def write(inbox: Path, day: str, deliveries: Iterable[Deliveries], shared: dict[str, list[Row]]) -> None:
    """One file per source of the company; usage comes in a file per legal entity, so that a file names whose it is."""
    tables: defaultdict[str, list[Row]] = defaultdict(list, {source: list(rows) for source, rows in shared.items()})
    for one in deliveries:
        for source, rows in one.tables.items():
            tables[source] += rows
        path = inbox / "usage" / day / f"{one.entity}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        if one.is_sent:
            path.write_text("".join(f"{json.dumps(event)}\n" for event in one.events))
        total = str(sum(Decimal(str(event["data"]["quantity"])) for event in one.events))
        told = {"source": "usage", "sent_on": day, "file": path.name, "row_count": str(len(one.events) + one.told_rows), "quantity": total}
        tables["control_totals"].append(told)
    # A source that tells once tells every day, of what it did not send as well.
    quiet = [date.fromisoformat(day) - timedelta(days=1)] if day == LATE_DAY else []
    tables["control_totals"] += [{"source": "usage", "sent_on": one.isoformat(), "file": "", "row_count": "0"} for one in quiet]
    for source, rows in tables.items():
        path = inbox / source / day / f"{source}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
