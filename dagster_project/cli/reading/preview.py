"""``tieout preview``: drafts, held lines and issued documents side by side, each line with its reason."""

from __future__ import annotations

import click

from dagster_project.cli.session import Session, with_session
from dagster_project.quantities import in_units, number

PERIODS = "select period, bool_or(state in ('draft', 'held')) as is_open from analytics.invoice_preview group by period order by period"
LINES = """
    select
        preview.state, coalesce(preview.document_number, preview.preview_id) as document, preview.document_type, preview.customer_id,
        preview.kind, preview.charge_id, preview.net_minor, preview.tax_minor, preview.gross_minor, preview.old_minor, preview.new_minor,
        coalesce(currencies.exponent, 0) as exponent,
        preview.currency, preview.event_count as events, preview.reason, preview.reason_code, preview.document_line_key, preview.usage_key,
        preview.entity, preview.period, preview.price_version, preview.first_event_at, preview.last_event_at, preview.delivery_state,
        preview.what_to_do
    from analytics.invoice_preview as preview
    left join constants.currencies as currencies on preview.currency = currencies.currency
    where preview.period = $1 and ($2 is null or preview.customer_id = $2)
    order by preview.customer_id, preview.state, document, preview.document_line_key
"""
COLUMNS = (
    "state",
    "document",
    "customer_id",
    "charge_id",
    "net_minor",
    "tax_minor",
    "gross_minor",
    "old_minor",
    "new_minor",
    "currency",
    "events",
    "reason",
)


@click.command("preview")
@click.argument("period", required=False)
@click.option("--customer", help="One customer (default: all).")
@with_session
def preview_command(session: Session, period: str | None, customer: str | None) -> None:
    """Show the invoice lines of PERIOD (YYYY-MM; default: the first one that has drafts): issued, drafted by the last plan or close, and
    held. The events behind a line are listed by 'tieout trace' with its usage key, and by analytics.invoice_preview_events."""
    from dagster_project.close.partitions import first_day

    warehouse = session.installation.warehouse
    if period is not None:
        first_day(period)
    else:
        periods = warehouse.read_published(PERIODS).to_pylist()
        period = next((row["period"] for row in periods if row["is_open"]), periods[-1]["period"] if periods else None)
    lines = warehouse.read_published(LINES, [period, customer]).to_pylist() if period else []
    for line in lines:
        line |= {name: _in_units(line[f"{name}_minor"], line["exponent"]) for name in ("net", "tax", "gross", "old", "new")}
    session.table(f"{len(lines)} invoice lines of {period or 'no period'}", lines, COLUMNS)
    session.result(lines)


def _in_units(minor: int | None, exponent: int) -> str | None:
    return None if minor is None else number(in_units(minor, exponent), exponent, is_grouped=False)
