"""Proposed documents made immutable: the billing documents first, the journals that follow from them afterwards."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from dagster_project.close.approvals import ask_for_stopped
from dagster_project.close.installation import Installation
from dagster_project.close.openings import seal_opening
from dagster_project.close.outbox import BILLING_RELATIONS, CUSTOMERS, INVOICES, JOURNAL_RELATIONS
from dagster_project.close.partitions import CloseKey, require_ended
from dagster_project.close.periods import require_turn
from dagster_project.close.steps import seal_documents
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import Told, for_each_entity, table
from reverse_etl.register import SealReport

SEAL_OPENING = dg.AssetKey(["seal", "opening"])
SEAL_BILLING = dg.AssetKey(["seal", "billing"])
SEAL_JOURNALS = dg.AssetKey(["seal", "journals"])
SEAL_THRESHOLDS = dg.AssetKey(["seal", "thresholds"])
SHOWN_REFUSALS = 50


def sealing_assets(close: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    return [
        _seal(
            SEAL_BILLING,
            BILLING_RELATIONS,
            close,
            "Customers, invoices and credit memos of the entity and period, numbered and sealed in the register.",
        ),
        _seal(SEAL_JOURNALS, JOURNAL_RELATIONS, close, "Journal entries of the entity and period, sealed in the register."),
    ]


def sealing_of_openings(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The first step of a close: what follows subtracts from what was opened. It seals what was built when it was approved, so that it waits for no
    model."""

    @dg.asset(
        key=SEAL_OPENING,
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        pool=WAREHOUSE_POOL,
        group_name="seal",
        kinds={"sqlite"},
        owners=["team:finance"],
        description="What a former system left at cutover, sealed in the register as two people approved it; nothing where nothing is approved.",
    )
    def seal(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        closes = SEAL_BILLING in context.job_def.asset_layer.selected_asset_keys

        def work(close_of: CloseKey, told: Told) -> None:
            # A run that only reports usage closes nothing.
            if closes:
                require_turn(installation, close_of.entity, close_of.period)
            report = seal_opening(installation, close_of.entity, context.run.run_id)
            tell_sealed(told, report, "opening documents", nothing="nothing to open")

        for_each_entity(context, "seal/opening", work)

    return seal


def tell_sealed(told: Told, report: SealReport | None, documents: str, *, nothing: str) -> None:
    """How many were sealed and refused, and the first refusal; ``nothing`` where there was nothing to seal."""
    sealed, refused = ((), ()) if report is None else (report.sealed, report.refused)
    told.message = nothing if report is None else f"{len(sealed)} {documents}"
    if refused:
        told.message += f"; {len(refused)} refused, the first: {refused[0].reason}"
    told.metadata = {"sealed": len(sealed), "refused": len(refused)}


def sealing_at_thresholds(close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    description = "Invoices of a running period that a threshold made due, with their customers; nothing else of the period is sealed."
    return _seal(SEAL_THRESHOLDS, (CUSTOMERS, INVOICES), close, description, at_thresholds=True)


def _seal(
    key: dg.AssetKey, relations: Sequence[str], close: dg.PartitionsDefinition[str], description: str, at_thresholds: bool = False
) -> dg.AssetsDefinition:
    @dg.asset(
        key=key,
        deps=[relation.split(".") for relation in relations],
        partitions_def=close,
        backfill_policy=ONE_PERIOD_PER_RUN,
        pool=WAREHOUSE_POOL,
        group_name="seal",
        kinds={"sqlite"},
        owners=["team:finance"],
        description=description,
    )
    def seal(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        def work(close_of: CloseKey, told: Told) -> None:
            if not at_thresholds:
                require_ended(close_of, installation.settings.calendar, datetime.now(UTC))
                require_turn(installation, close_of.entity, close_of.period)
            report = seal_documents(installation, relations, close_of.entity, close_of.period, context.run.run_id, at_thresholds)
            kinds = Counter(f"{document.system} {document.document_type}" for document in report.sealed)
            told.message = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "nothing new"
            if report.refused:
                told.message += f"; {len(report.refused)} refused"
            waiting = ask_for_stopped(installation, close_of.entity, close_of.period, context.run.run_id) if key == SEAL_BILLING else []
            if waiting:
                told.message += f"; {len(waiting)} stopped until approved"
            told.metadata = {
                "stopped": table([{"request": request.request_id, "subject": request.subject, "reason": request.reason} for request in waiting]),
                "sealed": len(report.sealed),
                "unchanged": len(report.unchanged),
                "refused": len(report.refused),
                "sealed_by_type": table([{"document_type": kind, "documents": count} for kind, count in sorted(kinds.items())]),
                "refusals": table(
                    [
                        {"business_key": refusal.row.business_key, "code": refusal.code, "reason": refusal.reason}
                        for refusal in report.refused[:SHOWN_REFUSALS]
                    ]
                ),
            }

        for_each_entity(context, key.to_user_string(), work)

    return seal
