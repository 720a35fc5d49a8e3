"""What the re-performer is told of an installation: from the register what was issued and closed, from the published warehouse what is compared."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from dagster_project.close import Installation
from reverse_etl.documents import SealedDocument, State
from reverse_etl.reperformance import UNKNOWN_CUSTOMER, ClosedPeriod, Facts, HeldLine, LandedFile, LedgerLine, SealedHeader, Settlement

_FILES = "select position, source, relation, file_name, landed_on, content_hash from raw.landed_files order by position"
_HELD = """
    select distinct entity, customer_id, line_key, hold_reason from invoicing.held_lines
    union all
    select entity, customer_id, line_key, 'stopped by the run gate: ' || cause as hold_reason from approvals.stopped_lines
"""
_LEDGER = """
    select
        ledger.entity, ledger.period, ledger.account, ledger.currency, ledger.event, ledger.source_document, ledger.source_line_key,
        documents.customer_id, ledger.signed_minor, ledger.signed_functional_minor
    from ledger.general_ledger as ledger
    left join canonical.canonical_documents as documents on ledger.source_document = documents.business_key
    order by ledger.document_position, ledger.line_key
"""
_SETTLEMENTS = """
    select coalesce(documents.invoice_key, ledger.source_document) as invoice_key, ledger.posting_date, ledger.signed_minor
    from ledger.general_ledger as ledger
    left join canonical.canonical_documents as documents on ledger.source_document = documents.business_key
    where ledger.event in ('payment_received', 'refund_issued', 'write_off') and ledger.customer_id is not null
    order by ledger.document_position, ledger.line_key
"""
DOCUMENT_TYPES = ("invoice", "credit_memo")


def read_facts(installation: Installation, published: bool = True) -> Facts:
    """``published``: as readers see it, or as the last step of a close has left it.

    Raises ``DestinationError``: nothing is published yet.
    """
    with closing(installation.open_register()) as register:
        documents = [
            document
            for document_type in DOCUMENT_TYPES
            for document, delivery in register.deliveries(document_type=document_type)
            if delivery.state is not State.CANCELLED
        ]
        changes = register.periods_since(0)
    closed: dict[tuple[str, str], ClosedPeriod] = {}
    for change in changes:
        # The first cutoff stands.
        if change.landing_position is not None:
            closed.setdefault((change.entity, change.period), ClosedPeriod(change.position, change.entity, change.period, change.landing_position))
    headers = sorted((_header(document) for document in documents), key=lambda header: header.position)
    customers = {header.business_key: header.customer_id for header in headers}
    warehouse, mappings = installation.warehouse, installation.settings.mappings
    read = warehouse.read_published if published else warehouse.read
    return Facts(
        files=[
            LandedFile(
                row["position"],
                row["source"],
                row["file_name"],
                row["landed_on"],
                row["content_hash"],
                row["relation"] not in (f"raw.{row['source']}", "raw.usage_events" if row["source"] == "usage" else None)
                or (mappings / f"{row['source']}.yaml").is_file(),
            )
            for row in read(_FILES).to_pylist()
        ],
        sealed=headers,
        closed=list(closed.values()),
        held=[HeldLine(row["entity"], row["customer_id"], row["line_key"], row["hold_reason"]) for row in read(_HELD).to_pylist()],
        ledger=[_ledger_line(row, customers) for row in read(_LEDGER).to_pylist()],
        settlements=[Settlement(row["invoice_key"], row["posting_date"], row["signed_minor"]) for row in read(_SETTLEMENTS).to_pylist()],
    )


def _header(document: SealedDocument) -> SealedHeader:
    payload = document.payload
    positions = [line["landing_position"] for line in payload["lines"] if line.get("landing_position") is not None]
    return SealedHeader(
        position=document.position,
        business_key=document.business_key,
        entity=document.entity,
        document_type=document.document_type,
        customer_id=payload["customer_id"],
        currency=document.currency,
        period=document.period,
        document_date=document.document_date,
        cause=document.cause,
        run=document.correlation_id,
        invoice_key=payload.get("invoice_key") if document.document_type == "credit_memo" else None,
        landing_position=max(positions, default=None),
    )


def _ledger_line(row: dict[str, Any], customers: dict[str, str]) -> LedgerLine:
    return LedgerLine(
        entity=row["entity"],
        period=row["period"],
        account=row["account"],
        currency=row["currency"],
        event=row["event"],
        customer_id=customers.get(row["source_document"]) or row["customer_id"] or UNKNOWN_CUSTOMER,
        line=None if row["source_line_key"] is None else row["source_line_key"].partition("@")[0],
        minor=row["signed_minor"],
        functional_minor=row["signed_functional_minor"],
    )
