"""Scenarios as deliveries: the files that a company would send, one customer per scenario."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

from reverse_etl.cases.scenario import Scenario, UsageEvent

ENTITY = "cases"
REFERENCE_DAY = "2000-01-01"
Rows = list[tuple[str, ...]]

HEADERS: Mapping[str, tuple[str, ...]] = {
    "legal_entities": ("entity_id", "name", "country", "functional_currency", "cutover_on"),
    "customers": ("customer_id", "name", "email", "country", "entity_id", "currency", "time_zone", "tax_id", "payment_term_days"),
    "meters": ("meter", "unit", "aggregation", "description", "dimensions", "counted_attribute", "amount_attribute", "bucket", "largest_quantity"),
    "plans": ("plan_id", "name", "description"),
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
    "subscriptions": ("subscription_id", "version", "customer_id", "plan_id", "starts_on", "ends_on"),
}


def deliver(inbox: Path, scenarios: Mapping[str, Scenario]) -> None:
    """Write the reference files and the usage of every scenario; its key names the customer, the plan and the meter."""
    rows: dict[str, Rows] = {source: [] for source in HEADERS}
    rows["legal_entities"].append((ENTITY, "Cases", "US", "USD", REFERENCE_DAY))
    partitions: dict[date, list[str]] = defaultdict(list)
    for key, scenario in scenarios.items():
        _add_reference(rows, key, scenario)
        for number, event in enumerate(scenario.events):
            arrival = event.occurred_at.date() + timedelta(days=event.arrives_after_days)
            partitions[arrival].append(_line(key, number, event))
    for source, content in rows.items():
        _write_table(inbox / source / REFERENCE_DAY / f"{source}.csv", HEADERS[source], content)
    for arrival, lines in partitions.items():
        path = inbox / "usage" / arrival.isoformat() / "cases.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))


def _add_reference(rows: dict[str, Rows], key: str, scenario: Scenario) -> None:
    charge = scenario.charge
    rows["customers"].append((key, key, "", "US", ENTITY, scenario.currency, scenario.time_zone, "", "30"))
    rows["meters"].append(
        (
            key,
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
    rows["plans"].append((key, key, ""))
    rows["charges"].append((key, key, "usage", charge.model, key, "arrears", "usage", "usage", "", charge.dimensions))
    rows["prices"] += [
        (
            key,
            "1",
            key,
            scenario.currency,
            REFERENCE_DAY,
            "",
            tier.up_to or "",
            tier.unit_price,
            tier.flat_fee,
            tier.rate_percent,
            tier.block_size,
        )
        for tier in charge.tiers
    ]
    rows["price_terms"] += [(key, "1", term, value) for term, value in charge.terms.items()]
    rows["subscriptions"].append((key, "1", key, key, (scenario.starts_on or scenario.day).isoformat(), ""))


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
            "data": {"meter": key, "quantity": event.quantity, **event.data},
        }
    )


def _write_table(path: Path, header: Iterable[str], rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
