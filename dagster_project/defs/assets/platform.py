"""Where the billing platform rates: usage reports to it, and what it issued by itself back into raw, before the journals of the close."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.outbox import USAGE_RELATIONS
from dagster_project.close.partitions import CloseKey
from dagster_project.close.platform import SNAPSHOT, deliver_usage, read_platform, seal_usage
from dagster_project.close.read_backs import DOCUMENT_RELATIONS
from dagster_project.defs.assets import external
from dagster_project.defs.assets.register import mirror, mirror_spec
from dagster_project.defs.assets.sealing import SEAL_BILLING, tell_sealed
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import Told, for_each_entity
from dagster_project.defs.row_counts import ROW_COUNT, rows_of

SEAL_USAGE = dg.AssetKey(["seal", "usage"])
DELIVERY_USAGE = dg.AssetKey(["delivery", "usage"])
READ_BACK_PLATFORM = dg.AssetKey(["read_back", "platform"])


def platform_assets(close: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    return [_seal_usage(close), _deliver_usage(close), _received(close)]


def _seal_usage(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=SEAL_USAGE,
        deps=[relation.split(".") for relation in USAGE_RELATIONS],
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        pool=WAREHOUSE_POOL,
        group_name="seal",
        kinds={"sqlite"},
        owners=["team:finance"],
        description="Usage reports of the entity and period with the customers they are of, sealed in the register.",
    )
    def seal(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        def work(close_of: CloseKey, told: Told) -> None:
            report = seal_usage(installation, close_of.entity, close_of.period, context.run.run_id)
            tell_sealed(told, report, "sealed", nothing="nothing to report")

        for_each_entity(context, "seal/usage", work)

    return seal


def _deliver_usage(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    # No retry policy, as for every delivery.
    @dg.asset(
        key=DELIVERY_USAGE,
        deps=[SEAL_USAGE],
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        group_name="delivery",
        kinds={"stripe"},
        owners=["team:finance"],
        description="Usage reports sealed for the billing platform, each posted at most once. What it counted of them is read back afterwards.",
    )
    def delivery(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        def work(close_of: CloseKey, told: Told) -> None:
            told.message = str(deliver_usage(installation, close_of.entity, close_of.period, context.run.run_id))

        for_each_entity(context, "delivery/usage", work)

    return delivery


def _received(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The platform's documents and the register's mirror are what accounting reads: one step, so that dbt builds it at once."""
    specs = [
        dg.AssetSpec(
            READ_BACK_PLATFORM,
            deps=[DELIVERY_USAGE, SEAL_BILLING, external.PLATFORM_DOCUMENTS],
            group_name="read_back",
            kinds={"duckdb"},
            owners=["team:finance-engineering"],
            description="Invoices, credit notes and payments that the billing platform issued by itself, and the usage that it counted.",
        ),
        mirror_spec("issued", [SEAL_BILLING, DELIVERY_USAGE]),
    ]

    @dg.multi_asset(specs=specs, partitions_def=close, backfill_policy=ONE_PERIOD_PER_RUN, pool=WAREHOUSE_POOL)
    def received(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[dg.MaterializeResult[None]]:
        def work(close_of: CloseKey, told: Told) -> None:
            report = read_platform(installation, close_of.entity, close_of.period)
            told.message = "it rates nothing" if report is None else f"{report.documents} documents that the platform issued"
            told.metadata = {"documents": report.documents if report else 0}

        for_each_entity(context, "read_back/platform", work, [READ_BACK_PLATFORM])
        rows = rows_of(installation, DOCUMENT_RELATIONS[SNAPSHOT])
        yield dg.MaterializeResult(asset_key=READ_BACK_PLATFORM, metadata={ROW_COUNT: sum(rows.values())})
        yield mirror(context, installation, "issued")

    return received
