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


def delivery_to(system: str) -> dg.AssetKey:
    return dg.AssetKey(["delivery", system])


def journal_of(ledger: str) -> dg.AssetKey:
    return dg.AssetKey([ledger, "journal"])


def external_systems(close: dg.PartitionsDefinition[str], ledgers: Mapping[str, str]) -> list[dg.AssetSpec]:
    """Sources are delivered to us; destinations are recorded by the step that delivers to them, per entity and period.

    ``ledgers``: name -> kind.
    """
    return [
        dg.AssetSpec(
            PRODUCT_USAGE,
            group_name="sources",
            kinds={"cloudevents"},
            owners=["team:product"],
            description="Usage events as the product emits them (CloudEvents 1.0).",
        ),
        dg.AssetSpec(
            CRM_CUSTOMERS, group_name="sources", kinds={"csv"}, owners=["team:sales"], description="Customers and the legal entities that serve them."
        ),
        dg.AssetSpec(
            BILLING_CATALOG,
            group_name="sources",
            kinds={"csv"},
            owners=["team:pricing"],
            description="Meters, plans, charges, prices and subscriptions, effective-dated.",
        ),
        dg.AssetSpec(
            FINANCE_REFERENCE,
            group_name="sources",
            kinds={"csv"},
            owners=["team:finance"],
            description="Tax rates, exchange rates, charts of accounts and account mappings, effective-dated; payments that banks received.",
        ),
        dg.AssetSpec(
            PLATFORM_DOCUMENTS,
            group_name="sources",
            kinds={"stripe"},
            owners=["team:billing"],
            description="Invoices, credit notes and payments that Stripe makes by itself, of the subscriptions that it rates.",
        ),
        dg.AssetSpec(
            STRIPE_INVOICES,
            deps=[delivery_to("stripe")],
            group_name="destinations",
            kinds={"stripe"},
            owners=["team:billing"],
            partitions_def=close,
            description="Invoices as Stripe holds them.",
        ),
        dg.AssetSpec(
            STRIPE_CREDIT_NOTES,
            deps=[delivery_to("stripe")],
            group_name="destinations",
            kinds={"stripe"},
            owners=["team:billing"],
            partitions_def=close,
            description="Credit notes as Stripe holds them.",
        ),
        *(
            dg.AssetSpec(
                journal_of(ledger),
                deps=[delivery_to(ledger)],
                group_name="destinations",
                kinds={kind},
                owners=["team:finance"],
                partitions_def=close,
                description=f"Journal entries as the ledger {ledger} holds them.",
            )
            for ledger, kind in ledgers.items()
        ),
    ]
