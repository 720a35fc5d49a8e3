"""Delivered files into raw, by the day of their arrival."""

from collections import Counter
from dataclasses import asdict
from datetime import date

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.steps import land_deliveries, refused_reference_rows
from dagster_project.dbt import InProcessDbt
from dagster_project.defs.assets import external
from dagster_project.defs.partitions import ONE_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import step, table
from dagster_project.defs.row_counts import ROW_COUNT, rows_of
from reverse_etl.landing.relations import DELIVERED_COLUMNS

SOURCE_OF_RELATION = {
    "raw.usage_events": external.PRODUCT_USAGE,
    "raw.legal_entities": external.CRM_CUSTOMERS,
    "raw.customers": external.CRM_CUSTOMERS,
    "raw.key_aliases": external.CRM_CUSTOMERS,
    "raw.meters": external.BILLING_CATALOG,
    "raw.plans": external.BILLING_CATALOG,
    "raw.plan_patterns": external.BILLING_CATALOG,
    "raw.charges": external.BILLING_CATALOG,
    "raw.prices": external.BILLING_CATALOG,
    "raw.price_terms": external.BILLING_CATALOG,
    "raw.subscriptions": external.BILLING_CATALOG,
    "raw.tax_rates": external.FINANCE_REFERENCE,
    "raw.exchange_rates": external.FINANCE_REFERENCE,
    "raw.intercompany_agreements": external.FINANCE_REFERENCE,
    "raw.accounts": external.FINANCE_REFERENCE,
    "raw.account_mappings": external.FINANCE_REFERENCE,
    "raw.books": external.FINANCE_REFERENCE,
    "raw.credit_grants": external.BILLING_CATALOG,
    "raw.tax_exemptions": external.FINANCE_REFERENCE,
    "raw.tax_registrations": external.FINANCE_REFERENCE,
    "raw.payments": external.FINANCE_REFERENCE,
    "raw.foreign_entries": external.FINANCE_REFERENCE,
    "raw.control_totals": external.PRODUCT_USAGE,
    "raw.opening_invoices": external.FINANCE_REFERENCE,
    "raw.opening_deferred_revenue": external.FINANCE_REFERENCE,
    "raw.opening_billed_lines": external.FINANCE_REFERENCE,
    "raw.opening_balances": external.FINANCE_REFERENCE,
}
USAGE_EVENTS = "raw.usage_events"
LANDED_FILES = "raw.landed_files"
REFUSED_ROWS = "refused_reference_rows"
REFERENCE_RELATIONS = tuple(relation for relation in DELIVERED_COLUMNS if relation != USAGE_EVENTS)


def landed_keys() -> list[dg.AssetKey]:
    """What a landing may change."""
    return [dg.AssetKey(relation.split(".")) for relation in (*SOURCE_OF_RELATION, LANDED_FILES)]


def landing_assets(daily: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Usage comes every day and is partitioned by it. Reference data comes when it changes: its assets record that when the step that
    lands a day's deliveries finds some."""
    reference = [_spec(relation, f"Rows of {relation} as delivered, append-only, each with its file and line.") for relation in REFERENCE_RELATIONS]

    @dg.multi_asset(
        specs=[_spec(USAGE_EVENTS, "Usage events as delivered, append-only, each with its file and line.", daily)],
        backfill_policy=ONE_RUN,
        pool=WAREHOUSE_POOL,
    )
    def landing(
        context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation], dbt: dg.ResourceParam[InProcessDbt]
    ) -> dg.MaterializeResult[None]:
        window = context.partition_key_range
        first, last = date.fromisoformat(window.start), date.fromisoformat(window.end)
        with step(context, "landing") as told:
            report = land_deliveries(installation, first, last)
            told.message = f"{len(report.files)} files with {report.rows} rows, {report.skipped} landed before"
            if report.excluded:
                told.message += f", {report.excluded} rows left out with a reason"
            # What a price file is refused for is said while the file is still on somebody's mind, not when an invoice is missed.
            landed = [file.file_name for file in report.files if file.relation != USAGE_EVENTS]
            if landed:
                dbt.refresh(REFUSED_ROWS)
            refused = refused_reference_rows(installation, landed)
            if refused:
                told.message += f"; {len(refused)} rows of reference data refused"
            if report.problems:
                told.message += f"; {len(report.problems)} files could not land"
            told.metadata = {
                "files": len(report.files),
                "rows": report.rows,
                "skipped": report.skipped,
                "problems": table([asdict(problem) for problem in report.problems]),
                "refused": table([asdict(row) for row in refused]),
            }
        files = Counter(file.relation for file in report.files)
        rows = rows_of(installation, sorted({USAGE_EVENTS, LANDED_FILES, *files}))
        for relation in sorted(files):
            if relation != USAGE_EVENTS:
                context.log_event(dg.AssetMaterialization(relation.split("."), metadata={"files": files[relation], ROW_COUNT: rows[relation]}))
        if report.files:
            landed_now = {"files": len(report.files), ROW_COUNT: rows[LANDED_FILES]}
            context.log_event(dg.AssetMaterialization(LANDED_FILES.split("."), metadata=landed_now))
        return dg.MaterializeResult(metadata={**told.metadata, ROW_COUNT: rows[USAGE_EVENTS]})

    return [landing, *reference, _spec(LANDED_FILES, "Every landed file with its hash and its row count: what the checkpoints count against.")]


def _spec(relation: str, description: str, partitions: dg.PartitionsDefinition[str] | None = None) -> dg.AssetSpec:
    return dg.AssetSpec(
        relation.split("."),
        deps=[SOURCE_OF_RELATION[relation]] if relation in SOURCE_OF_RELATION else sorted(set(SOURCE_OF_RELATION.values())),
        group_name="landing",
        kinds={"duckdb"},
        owners=["team:finance-engineering"],
        description=description,
        partitions_def=partitions,
    )
