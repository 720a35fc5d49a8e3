"""The systems beyond the warehouse, so that the picture starts at the product and ends in the ledger."""

from collections.abc import Mapping

import dagster as dg

PRODUCT_USAGE = dg.AssetKey(["product", "usage"])
CRM_CUSTOMERS = dg.AssetKey(["crm", "customers"])
BILLING_CATALOG = dg.AssetKey(["billing", "catalog"])
FINANCE_REFERENCE = dg.AssetKey(["finance", "reference"])
STRIPE_INVOICES = dg.AssetKey(["stripe", "invoices"])
STRIPE_CREDIT_NOTES = dg.AssetKey(["stripe", "credit_notes"])
PLATFORM_DOCUMENTS = dg.AssetKey(["stripe", "own_documents"])

SOURCES = (
    (PRODUCT_USAGE, "cloudevents", "product", "Usage events as the product emits them (CloudEvents 1.0)."),
    (CRM_CUSTOMERS, "csv", "sales", "Customers and the legal entities that serve them."),
    (BILLING_CATALOG, "csv", "pricing", "Meters, plans, charges, prices and subscriptions, effective-dated."),
    (
        FINANCE_REFERENCE,
        "csv",
        "finance",
        "Tax rates, exchange rates, charts of accounts and account mappings, effective-dated; payments that banks received.",
    ),
    (PLATFORM_DOCUMENTS, "stripe", "billing", "Invoices, credit notes and payments that Stripe makes by itself, of the subscriptions that it rates."),
)
"""Key, kind, team and description of what is delivered to us."""


def delivery_to(system: str) -> dg.AssetKey:
    return dg.AssetKey(["delivery", system])


def journal_of(ledger: str) -> dg.AssetKey:
    return dg.AssetKey([ledger, "journal"])


def external_systems(close: dg.PartitionsDefinition[str], ledgers: Mapping[str, str]) -> list[dg.AssetSpec]:
    """Sources are delivered to us; destinations are recorded by the step that delivers to them, per entity and period.

    ``ledgers``: name -> kind.
    """
    held = [
        (STRIPE_INVOICES, "stripe", "stripe", "billing", "Invoices as Stripe holds them."),
        (STRIPE_CREDIT_NOTES, "stripe", "stripe", "billing", "Credit notes as Stripe holds them."),
        *((journal_of(ledger), ledger, kind, "finance", f"Journal entries as the ledger {ledger} holds them.") for ledger, kind in ledgers.items()),
    ]
    return [
        *(
            dg.AssetSpec(key, group_name="sources", kinds={kind}, owners=[f"team:{team}"], description=description)
            for key, kind, team, description in SOURCES
        ),
        *(
            dg.AssetSpec(
                key,
                deps=[delivery_to(system)],
                group_name="destinations",
                kinds={kind},
                owners=[f"team:{team}"],
                partitions_def=close,
                description=description,
            )
            for key, system, kind, team, description in held
        ),
    ]
