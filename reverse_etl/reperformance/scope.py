"""What is not re-performed, each with its reason: a second computation that silently left something out would prove less than it seems to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from reverse_etl.reperformance.facts import Facts, LandedFile
from reverse_etl.reperformance.references import References

EVENTS = ("invoice_issued", "credit_memo_issued", "revenue_recognised")
"""What follows from usage, prices and fees; every other event of the ledger is a fact that somebody recorded."""
CAUSES = ("usage_and_fees", "correction", "late_usage", "price")
USAGE_MODELS = ("per_unit", "graduated", "volume", "package")
AGGREGATIONS = ("sum", "count", "max")
PRICE_TERMS: Mapping[str, Mapping[str, Sequence[str] | None]] = {
    "usage": {},
    "fee": {"proration": ("days", "none")},
    "commitment": {"proration": ("days", "none"), "commitment_rounding": ("component",)},
    "discount": {"proration": ("days", "none"), "discount_percent": None},
}
"""By kind of charge: the terms that are known, with their words (None: a number)."""


def sampled(customers: Sequence[str], size: int | None, seed: str) -> list[str]:
    """``size`` customers, chosen by the hash of seed and identifier, so that nobody chooses them; all where it is None."""
    if size is None:
        return sorted(customers)
    return sorted(sorted(customers, key=lambda customer: hashlib.sha256(f"{seed}:{customer}".encode()).digest())[:size])


def not_reperformed(references: References, facts: Facts) -> dict[str, str]:
    """Customer -> why nothing of it is re-performed."""
    everybody = _of_everybody(facts.files)
    reasons: dict[str, str] = {}
    for customer, reason in (*_by_row(references), *_by_subscription(references), *_by_document(facts)):
        reasons.setdefault(customer, reason)
    return dict.fromkeys(references.customers, everybody) if everybody else reasons


def _of_everybody(files: Sequence[LandedFile]) -> str | None:
    mapped = sorted({file.source for file in files if file.is_mapped})
    return f"deliveries of {', '.join(mapped)} come through a mapping" if mapped else None


def _by_row(references: References) -> Iterator[tuple[str, str]]:
    parents = {row.get("parent_customer_id") for row in references.rows["customers"]} - {"", None}
    for row in references.rows["customers"]:
        if row.get("parent_customer_id") or row["customer_id"] in parents:
            yield row["customer_id"], "parent customers"
    for source in ("credit_grants", "tax_exemptions", "tax_registrations"):
        for row in references.rows[source]:
            yield row["customer_id"], source.replace("_", " ")
    renamed = {row[column] for row in references.rows["key_aliases"] for column in ("old_key", "new_key")}
    for subscription in references.subscriptions:
        keys = {
            subscription.customer_id,
            subscription.subscription_id,
            *(charge.charge_id for charge in references.charges.get(subscription.plan_id, ())),
        }
        if renamed & keys:
            yield subscription.customer_id, "key aliases"


def _by_subscription(references: References) -> Iterator[tuple[str, str]]:
    plans = {row["plan_id"]: row for row in references.rows["plans"]}
    platform = {row["plan_id"] for row in references.rows["plan_patterns"] if row["rated_by"].lower() != "warehouse"}
    versions = Counter(subscription.subscription_id for subscription in references.subscriptions)
    stated = {row["subscription_id"]: row for row in references.rows["subscriptions"]}
    meters = Counter(
        (subscription.customer_id, charge.meter)
        for subscription in references.subscriptions
        for charge in references.charges.get(subscription.plan_id, ())
        if charge.kind == "usage"
    )
    for subscription in references.subscriptions:
        customer, plan, row = subscription.customer_id, plans.get(subscription.plan_id, {}), stated[subscription.subscription_id]
        if subscription.plan_id in platform:
            yield customer, "plans that the billing platform rates"
        if (plan.get("anchor") or "calendar", plan.get("period_unit") or "month", plan.get("period_count") or "1") != ("calendar", "month", "1"):
            yield customer, "periods other than calendar months"
        if versions[subscription.subscription_id] > 1:
            yield customer, "subscriptions of several versions"
        for column in ("anchor_on", "trial_ends_on", "starts_at", "ends_at"):
            if row.get(column):
                yield customer, f"subscriptions with {column}"
        for reason in _of_plan(references, subscription.plan_id):
            yield customer, reason
        for charge in references.charges.get(subscription.plan_id, ()):
            if charge.kind == "usage" and meters[customer, charge.meter] > 1:
                yield customer, "usage that several subscriptions could claim"


def _of_plan(references: References, plan_id: str) -> Iterator[str]:
    stated = {row["charge_id"]: row for row in references.rows["charges"]}
    meters = {row["meter"]: row for row in references.rows["meters"]}
    for charge in references.charges.get(plan_id, ()):
        if charge.kind not in PRICE_TERMS:
            yield f"charges of the kind {charge.kind}"
            continue
        if charge.kind == "usage" and charge.model not in USAGE_MODELS:
            yield f"the charge model {charge.model}"
        meter = meters.get(charge.meter, {})
        if charge.kind == "usage" and meter.get("aggregation", "").lower() not in AGGREGATIONS:
            yield f"the aggregation {meter.get('aggregation') or 'of an unknown meter'}"
        if stated[charge.charge_id].get("grouped_by") or meter.get("dimensions") or meter.get("bucket") not in ("", None, "period"):
            yield "usage by dimensions or by the day"
        for row in references.rows["prices"]:
            if row["charge_id"] == charge.charge_id and (row.get("dimensions") or row.get("rate_percent")):
                yield "prices by dimensions or in percent"
        for row in _terms(references, charge.charge_id):
            words = PRICE_TERMS[charge.kind].get(row["term"].lower(), ())
            if (
                words is not None
                and row["value"].lower() not in words
                and (row["term"].lower(), row["value"].lower()) != ("tax_behavior", "exclusive")
            ):
                yield f"the price term {row['term']}"


def _terms(references: References, charge_id: str) -> Iterator[Mapping[str, str]]:
    versions = {(row["price_id"], row["price_version"]) for row in references.rows["prices"] if row["charge_id"] == charge_id}
    return (row for row in references.rows["price_terms"] if (row["price_id"], row["price_version"]) in versions)


def _by_document(facts: Facts) -> Iterator[tuple[str, str]]:
    for header in facts.sealed:
        if header.cause not in CAUSES:
            yield header.customer_id, f"documents of the cause {header.cause}"
