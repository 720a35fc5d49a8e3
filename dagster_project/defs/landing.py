"""Delivered files into raw, by the day of their arrival."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.steps import land_deliveries
from dagster_project.defs import external
from dagster_project.defs.partitions import WAREHOUSE_POOL
from dagster_project.defs.reporting import step
from reverse_etl.landing.relations import DELIVERED_COLUMNS

SOURCE_OF_RELATION = {
    "raw.usage_events": external.PRODUCT_USAGE,
    "raw.legal_entities": external.CRM_CUSTOMERS,
    "raw.customers": external.CRM_CUSTOMERS,
    "raw.meters": external.BILLING_CATALOG,
    "raw.plans": external.BILLING_CATALOG,
    "raw.charges": external.BILLING_CATALOG,
    "raw.prices": external.BILLING_CATALOG,
    "raw.subscriptions": external.BILLING_CATALOG,
    "raw.tax_rates": external.FINANCE_REFERENCE,
    "raw.exchange_rates": external.FINANCE_REFERENCE,
    "raw.accounts": external.FINANCE_REFERENCE,
    "raw.account_mappings": external.FINANCE_REFERENCE,
}
LANDED_FILES = "raw.landed_files"


def landed_specs() -> list[dg.AssetSpec]:
    """One asset per raw relation that deliveries fill, downstream of the system that owns its content."""
    specs = [
        dg.AssetSpec(
            relation.split("."),
            deps=[SOURCE_OF_RELATION[relation]],
            group_name="landing",
            kinds={"duckdb"},
            owners=["team:finance-engineering"],
            description=f"Rows of {relation} as delivered, append-only, each with its file and line.",
        )
        for relation in DELIVERED_COLUMNS
    ]
    manifest = dg.AssetSpec(
        LANDED_FILES.split("."),
        deps=sorted(set(SOURCE_OF_RELATION.values())),
        group_name="landing",
        kinds={"duckdb"},
        owners=["team:finance-engineering"],
        description="Every landed file with its hash and its row count: what the checkpoints count against.",
    )
    return [*specs, manifest]


def landing_assets(daily: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.multi_asset(specs=landed_specs(), partitions_def=daily, backfill_policy=dg.BackfillPolicy.single_run(), pool=WAREHOUSE_POOL)
    def landing(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[dg.MaterializeResult[None]]:
        window = context.partition_key_range
        first, last = (dg.DailyPartitionsDefinition(day).start.date() for day in (window.start, window.end))
        with step(context, "landing") as told:
            report = land_deliveries(installation, first, last)
            told.message = f"{report}"
        for spec in landed_specs():
            yield dg.MaterializeResult(asset_key=spec.key)

    return landing
