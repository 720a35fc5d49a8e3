"""Sealed documents to their destinations, and what the destinations then hold back into raw."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import dagster as dg

from dagster_project.alerting.degraded import destination_degradations
from dagster_project.close.deliveries import Deliveries
from dagster_project.close.installation import Installation
from dagster_project.close.ledgers import ledger_of
from dagster_project.close.partitions import CloseKey
from dagster_project.close.steps import publish, read_back, unread
from dagster_project.defs.assets import external
from dagster_project.defs.assets.sealing import SEAL_BILLING, SEAL_JOURNALS, SEAL_THRESHOLDS
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import Told, for_each_entity, keys_or_failure, merged
from dagster_project.defs.row_counts import ROW_COUNT, relation_of, rows_of
from reverse_etl.landing.relations import RELATIONS
from reverse_etl.oversight.delivered import delivered_documents
from reverse_etl.posting.protocol import DELIVERED_STATES
from reverse_etl.register.contract import JOURNAL_ENTRY
from reverse_etl.systems.document_links import DocumentLinks

BILLING = "stripe"
SHOWN_DOCUMENTS = 25
SNAPSHOTS = dg.AssetKey(["raw", "read_backs"])


def delivery_assets(close: dg.PartitionsDefinition[str], ledgers: Mapping[str, str]) -> list[dg.AssetsDefinition]:
    """``ledgers``: name -> kind."""
    return [_delivery(close, {BILLING: BILLING, **ledgers}), _read_back(close, tuple(ledgers))]


def _delivery(close: dg.PartitionsDefinition[str], systems: Mapping[str, str]) -> dg.AssetsDefinition:
    specs = [_delivered(system, kind, [SEAL_BILLING, SEAL_JOURNALS]) for system, kind in systems.items()]

    # No retry policy: the register knows what may be sent again, the orchestrator does not.
    @dg.multi_asset(specs=specs, partitions_def=close, backfill_policy=ONE_PERIOD_PER_RUN, can_subset=True)
    def deliveries(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[dg.MaterializeResult[None]]:
        asked = [system for system in systems if external.delivery_to(system) in context.selected_asset_keys]
        lanes = [(system, key) for system in asked for key in keys_or_failure(context)]
        with Deliveries(installation, lanes, correlation_id=context.run.run_id) as running:
            failures: list[dg.Failure] = []
            for system in asked:

                def work(close_of: CloseKey, told: Told, system: str = system) -> None:
                    delivered = running.wait_for(system, close_of)
                    told.message, told.seconds = str(delivered.report), delivered.seconds
                    if delivered.note:
                        told.message += f"; {delivered.note}"
                    told.metadata = documents_there(installation, system, close_of) | degraded_now(installation, system)
                    for destination, rows in _held_at(installation, system, close_of).items():
                        metadata: dict[str, Any] = {**told.metadata, ROW_COUNT: rows}
                        context.log_event(dg.AssetMaterialization(destination, partition=close_of.partition_key, metadata=metadata))

                try:
                    for_each_entity(context, f"delivery/{system}", work, [external.delivery_to(system)])
                except dg.Failure as failure:
                    failures.append(failure)
                    continue
                yield dg.MaterializeResult(asset_key=external.delivery_to(system))
        if failures:
            raise merged(failures)

    return deliveries


def degraded_now(installation: Installation, system: str) -> dict[str, Any]:
    """How the destination works less than normally, if it does: who or what, since when and why."""
    found = [degradation for degradation in destination_degradations(installation) if degradation.subject == system]
    return {"degraded": "; ".join(one.told for one in found)} if found else {}


def delivery_at_thresholds(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    # No retry policy, as above.
    @dg.asset(
        key=["delivery", "thresholds"],
        deps=[SEAL_THRESHOLDS],
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        pool=WAREHOUSE_POOL,
        group_name="delivery",
        kinds={"stripe"},
        owners=["team:finance"],
        description="Everything sealed for stripe in the running period; its journals follow with the close.",
    )
    def thresholds(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        with Deliveries(installation, [("stripe", key) for key in keys_or_failure(context)], correlation_id=context.run.run_id) as running:

            def work(close_of: CloseKey, told: Told) -> None:
                delivered = running.wait_for("stripe", close_of)
                told.message, told.seconds = str(delivered.report), delivered.seconds
                told.metadata = documents_there(installation, "stripe", close_of)

            try:
                for_each_entity(context, "delivery/thresholds", work)
            finally:
                # Readers see what is sealed, delivered or not.
                publish(installation)

    return thresholds


def documents_there(installation: Installation, system: str, close_of: CloseKey) -> dict[str, dg.MetadataValue[Any]]:
    """How many documents of the entity and period are at the destination, and links to the last of them."""
    with closing(installation.open_register()) as register:
        links = DocumentLinks(installation.settings)
        there = delivered_documents(register, links, system, close_of.entity, close_of.period, SHOWN_DOCUMENTS)
    rows = [
        f"| {f'[{name}]({one.url})' if one.url else name} | {one.document_type} | {one.state} | {one.remote_id} | {one.reference} |"
        for one in there.documents
        for name in [one.number or one.remote_number or one.business_key]
    ]
    heading = ["| document | type | state | id there | our reference |", "| --- | --- | --- | --- | --- |"]
    shown = dg.MetadataValue.md("\n".join([*heading, *rows]) if rows else "none")
    return {"documents": dg.MetadataValue.int(there.total), f"last_{SHOWN_DOCUMENTS}_documents": shown}


def _held_at(installation: Installation, system: str, close_of: CloseKey) -> dict[dg.AssetKey, int]:
    """What a destination holds of an entity and period, as assets with the number of documents that are there."""
    assets = (
        {external.STRIPE_INVOICES: "invoice", external.STRIPE_CREDIT_NOTES: "credit_memo"}
        if system == BILLING
        else {external.journal_of(system): JOURNAL_ENTRY}
    )
    with closing(installation.open_register()) as register:
        totals = register.totals(system, close_of.entity, close_of.period)
    return {
        asset: sum(documents for (kind, state, _), (documents, _) in totals.items() if kind == document_type and state in DELIVERED_STATES)
        for asset, document_type in assets.items()
    }


def _delivered(system: str, kind: str, deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        external.delivery_to(system),
        deps=deps,
        group_name="delivery",
        kinds={kind},
        owners=["team:finance"],
        description=f"Everything sealed for {system} in the entity and period, posted at most once and verified against what {system} holds.",
    )


def read_back_keys(ledgers: Sequence[str]) -> dict[dg.AssetKey, list[dg.AssetKey]]:
    """The raw relations that a read-back fills, with the destination assets each is read from."""
    sources = {
        "stripe_invoice": [external.STRIPE_INVOICES],
        "stripe_credit_note": [external.STRIPE_CREDIT_NOTES],
        "ledger_": [external.journal_of(ledger) for ledger in ledgers],
    }
    return {
        dg.AssetKey(relation.split(".")): destinations
        for relation in RELATIONS
        for prefix, destinations in sources.items()
        if relation.startswith(f"raw.{prefix}")
    }


def _read_back(close: dg.PartitionsDefinition[str], ledgers: Sequence[str]) -> dg.AssetsDefinition:
    specs = [
        _snapshot(key, read_from, f"What {' or '.join(one.path[0] for one in read_from)} holds, one snapshot per read of an entity and period.")
        for key, read_from in read_back_keys(ledgers).items()
    ]
    delivered = [external.delivery_to(system) for system in (BILLING, *ledgers)]
    snapshots = _snapshot(SNAPSHOTS, delivered, "Every completed read-back; only its rows count.")

    @dg.multi_asset(specs=[*specs, snapshots], partitions_def=close, backfill_policy=ONE_PERIOD_PER_RUN, pool=WAREHOUSE_POOL)
    def read_backs(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[dg.MaterializeResult[None]]:
        def work(close_of: CloseKey, told: Told) -> None:
            systems = (BILLING, ledger_of(installation, close_of.entity))
            closed = unread(installation, close_of.entity, close_of.period)
            for earlier, unread_systems in closed.items():
                read_back(installation, unread_systems, close_of.entity, earlier)
            reports = read_back(installation, systems, close_of.entity, close_of.period)
            told.message = ", ".join(f"{report.documents} documents at {system}" for system, report in reports.items())
            if closed:
                told.message += f"; first {', '.join(closed)}, closed and never read back into this warehouse"
            told.metadata = {f"documents_at_{system}": report.documents for system, report in reports.items()}

        for_each_entity(context, "read_back", work)
        read = [*specs, snapshots]
        rows = rows_of(installation, [relation_of(spec.key) for spec in read])
        for spec in read:
            yield dg.MaterializeResult(asset_key=spec.key, metadata={ROW_COUNT: rows[relation_of(spec.key)]})

    return read_backs


def _snapshot(key: dg.AssetKey, deps: Sequence[dg.AssetKey], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(key, deps=deps, group_name="read_back", kinds={"duckdb"}, owners=["team:finance-engineering"], description=description)
