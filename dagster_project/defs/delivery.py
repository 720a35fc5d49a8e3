"""Sealed documents to their destinations, and what the destinations then hold back into raw."""

from collections.abc import Iterator, Sequence

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey
from dagster_project.close.steps import deliver, read_back
from dagster_project.defs import external
from dagster_project.defs.partitions import ONE_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import Told, for_each_entity
from dagster_project.defs.sealing import SEAL_BILLING, SEAL_JOURNALS
from reverse_etl.landing.relations import RELATIONS

SYSTEMS = ("stripe", "tryton")
SNAPSHOTS = dg.AssetKey(["raw", "read_backs"])


def delivery_assets(close: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    return [
        _delivery("stripe", [SEAL_BILLING], [external.STRIPE_INVOICES, external.STRIPE_CREDIT_NOTES], close),
        _delivery("tryton", [SEAL_BILLING, SEAL_JOURNALS], [external.TRYTON_JOURNAL], close),
        _read_back(close),
    ]


def _delivery(
    system: str, deps: Sequence[dg.AssetKey], destinations: Sequence[dg.AssetKey], close: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    # No retry policy: the register knows what may be sent again, the orchestrator does not.
    @dg.asset(
        key=["delivery", system],
        deps=deps,
        partitions_def=close,
        backfill_policy=ONE_RUN,
        group_name="delivery",
        kinds={system},
        owners=["team:finance"],
        description=f"Everything sealed for {system} in the entity and period, posted at most once and verified against what {system} holds.",
    )
    def delivery(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        def work(close_of: CloseKey, told: Told) -> None:
            report = deliver(installation, system, close_of.entity, close_of.period, correlation_id=context.run.run_id)
            told.message = str(report)
            for destination in destinations:
                context.log_event(dg.AssetMaterialization(destination, partition=close_of.partition_key, metadata=told.metadata))

        for_each_entity(context, f"delivery/{system}", work)

    return delivery


def read_back_keys() -> dict[dg.AssetKey, dg.AssetKey]:
    """The raw relations that a read-back fills, with the destination asset each is read from."""
    sources = {"stripe_invoice": external.STRIPE_INVOICES, "stripe_credit_note": external.STRIPE_CREDIT_NOTES, "tryton_move": external.TRYTON_JOURNAL}
    return {
        dg.AssetKey(relation.split(".")): destination
        for relation in RELATIONS
        for prefix, destination in sources.items()
        if relation.startswith(f"raw.{prefix}")
    }


def _read_back(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    specs = [
        _snapshot(key, [destination], f"What {destination.path[0]} holds, one snapshot per read of an entity and period.")
        for key, destination in read_back_keys().items()
    ]
    snapshots = _snapshot(SNAPSHOTS, [external.DELIVERY_STRIPE, external.DELIVERY_TRYTON], "Every completed read-back; only its rows count.")

    @dg.multi_asset(specs=[*specs, snapshots], partitions_def=close, backfill_policy=ONE_RUN, pool=WAREHOUSE_POOL)
    def read_backs(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[dg.MaterializeResult[None]]:
        def work(close_of: CloseKey, told: Told) -> None:
            reports = read_back(installation, SYSTEMS, close_of.entity, close_of.period)
            told.message = ", ".join(f"{report.documents} documents at {system}" for system, report in reports.items())
            told.metadata = {f"documents_at_{system}": report.documents for system, report in reports.items()}

        for_each_entity(context, "read_back", work)
        for spec in [*specs, snapshots]:
            yield dg.MaterializeResult(asset_key=spec.key)

    return read_backs


def _snapshot(key: dg.AssetKey, deps: Sequence[dg.AssetKey], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(key, deps=deps, group_name="read_back", kinds={"duckdb"}, owners=["team:finance-engineering"], description=description)
