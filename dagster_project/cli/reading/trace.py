"""``tieout trace``: the whole walk from one identifier, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from dagster_project.published.lineage import Row, Walk

STAGES: Sequence[tuple[str, str, Sequence[str]]] = (
    ("events", "Events", ("event_id", "event_source", "meter", "quantity", "occurred_at", "file_name", "line_number")),
    ("usage_summaries", "Usage summaries", ("usage_key", "quantity", "event_count", "price_version", "amount_precise", "amount_minor", "currency")),
    ("invoice_lines", "Invoice lines", ("document_line_key", "number", "description", "amount_minor", "tax_minor", "currency", "period")),
    (
        "documents",
        "Invoices and credit memos",
        ("number", "document_type", "entity", "period", "total_minor", "currency", "state", "remote_id", "reference"),
    ),
    ("payments", "Payments", ("payment_id", "source", "amount_minor", "currency", "paid_on", "status", "hold_reason")),
    (
        "journal_lines",
        "Journal lines",
        ("line_key", "account", "side", "amount_minor", "currency", "functional_minor", "functional_currency", "posting_date"),
    ),
    ("journal_entries", "ERP documents", ("remote_number", "remote_id", "business_key", "posting_date", "state", "reference")),
)


@click.command("trace")
@click.argument("identifier")
@click.option("--events", "event_limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many events to list.")
@with_session
def trace_command(session: Session, identifier: str, event_limit: int) -> None:
    """Walk from IDENTIFIER (the id of an event or a payment, the number of an invoice, credit memo or ERP document) along event, usage summary,
    invoice line, payment, journal line and ERP document."""
    from dagster_project.published.lineage import trace, with_links
    from reverse_etl.systems.document_links import DocumentLinks

    installation = session.installation
    walk = with_links(trace(installation.warehouse, identifier, event_limit), DocumentLinks(installation.settings))
    show(session, walk)
    session.result(walk.as_record())


def show(session: Session, walk: Walk) -> None:
    session.line(f"{walk.identifier} is an identifier of: {walk.found_as}")
    shared = _shared_by(walk)
    if shared:
        session.line(f"It is the number of {len(shared)} of them, and all are walked. One alone:")
        for business_key in shared:
            session.line(f"  tieout trace {business_key}")
    for stage, title, columns in STAGES:
        rows: Sequence[Row] = getattr(walk, stage)
        if not rows:
            session.line(f"{title}: none")
            continue
        session.table(_heading(walk, stage, title, rows), [_as_read(row) for row in rows], columns)
        for row in rows:
            if row.get("url"):
                session.line(f"{row.get('number') or row.get('remote_number') or row['remote_id']}: {row['url']}")


def _as_read(row: Row) -> Row:
    """Quantities and exact amounts are numbers, which JSON has as text."""
    return {**row, **{name: Decimal(row[name]) for name in ("quantity", "amount_precise") if row.get(name) is not None}}


def _shared_by(walk: Walk) -> list[str]:
    """A ledger numbers its documents by legal entity: a number may be that of several."""
    named = [row for row in walk.journal_entries if walk.identifier in (row["remote_number"], row["remote_id"])]
    return [row["business_key"] for row in named] if len(named) > 1 else []


def _heading(walk: Walk, stage: str, title: str, rows: Sequence[Row]) -> str:
    if stage == "events" and len(rows) < walk.event_count:
        return f"{title} (first {len(rows)} of {walk.event_count})"
    return f"{title} ({len(rows)})"
