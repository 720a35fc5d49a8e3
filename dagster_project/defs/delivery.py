"""Sealed documents to their destinations, and what the destinations then hold back into raw."""

from collections.abc import Iterator, Sequence

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.steps import deliver, read_back
from dagster_project.defs import external
from dagster_project.defs.partitions import WAREHOUSE_POOL, close_key
from dagster_project.defs.reporting import step
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
        backfill_policy=dg.BackfillPolicy.multi_run(),
        group_name="delivery",
        kinds={system},
        owners=["team:finance"],
        description=f"Everything sealed for {system} in the entity and period, posted at most once and verified against what {system} holds.",
    )
    def delivery(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> dg.MaterializeResult[None]:
        close_of = close_key(context)
        with step(context, f"delivery/{system}", close_of) as told:
            report = deliver(installation, system, close_of.entity, close_of.period)
            told.message = str(report)
        for destination in destinations:
            context.log_event(dg.AssetMaterialization(destination, partition=context.partition_key, metadata=told.metadata))
        return dg.MaterializeResult(metadata=told.metadata)

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

    @dg.multi_asset(specs=[*specs, snapshots], partitions_def=close, backfill_policy=dg.BackfillPolicy.multi_run(), pool=WAREHOUSE_POOL)
    def read_backs(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[dg.MaterializeResult[None]]:
        close_of = close_key(context)
        with step(context, "read_back", close_of) as told:
            reports = read_back(installation, SYSTEMS, close_of.entity, close_of.period)
            told.message = ", ".join(f"{report.documents} documents at {system}" for system, report in reports.items())
        rows = {relation: count for report in reports.values() for relation, count in report.rows.items()}
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata={"rows_read": rows.get(".".join(spec.key.path), 0)})
        yield dg.MaterializeResult(asset_key=SNAPSHOTS, metadata={system: report.documents for system, report in reports.items()})

    return read_backs


def _snapshot(key: dg.AssetKey, deps: Sequence[dg.AssetKey], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(key, deps=deps, group_name="read_back", kinds={"duckdb"}, owners=["team:finance-engineering"], description=description)
