"""``tieout status``, and what ``exceptions`` lists: read from the published copy, so that they never wait for a writer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from reverse_etl.warehouse import Warehouse

PERIODS = """
    select entity, period, status, landing_position
    from (select periods.*, row_number() over (partition by entity, period order by position desc) as recency from register.periods as periods)
    where recency = 1
    order by period, entity
"""
DOCUMENTS = """
    select documents.system, documents.entity, documents.period, documents.document_type, latest.state, count(*) as documents
    from register.documents as documents
    left join (
        select document_position, state, row_number() over (partition by document_position order by position desc) as recency
        from register.transitions
    ) as latest on documents.position = latest.document_position and latest.recency = 1
    group by all
    order by documents.period, documents.entity, documents.system, documents.document_type, latest.state
"""
CHECKPOINTS = """
    select period, entity, checkpoint, bool_and(status = 'tied') as tied, sum(break_count) as breaks
    from reconciliation.checkpoints where period in (select period from register.documents) group by all order by period, entity, checkpoint
"""

# Each part of the line tells what it could not take, in the same words: where, why, and what to do.
EXCEPTIONS: Mapping[str, str] = {
    "landing": """
        select 'file' as kind, file_name || coalesce(' line ' || line_number, '') as subject, reason, remedy as what_to_do
        from raw.landing_problems order by seen_at, file_name, line_number
    """,
    "excluded": """
        select 'excluded row' as kind, file_name || ' line ' || line_number as subject, reason, remedy as what_to_do from raw.excluded_rows
        order by file_name, line_number
    """,
    "refused": """
        select 'refused row' as kind, file_name || ' line ' || line_number as subject, rule || ': ' || subject || ', ' || meaning as reason,
            what_to_do
        from staging.refused_reference_rows order by file_name, line_number, rule
    """,
    "quarantine": """
        select 'event' as kind, file_name || ' line ' || line_number as subject, reason || ': ' || meaning as reason, what_to_do
        from usage.quarantined_usage_events order by file_name, line_number
    """,
    "holds": """
        select 'held line' as kind, entity || ' ' || customer_id || ' ' || line_key as subject, hold_reason || ': ' || meaning as reason, what_to_do
        from invoicing.held_lines
        -- A month that is still going on has drafts and no close: what is missing for it is nobody's task yet.
        where document_month + interval 1 month <= (select max(landed_on) from raw.landed_files)
        order by entity, customer_id, line_key
    """,
    "gates": """
        select 'run gate' as kind, subject || ' ' || strftime(document_month, '%Y-%m') as subject,
            line_count || ' lines, gross ' || gross_minor || ' minor units of ' || functional_currency || ', above the limits: ' || status as reason,
            'look at approvals.stopped_lines, then tieout approve ' || plan_hash as what_to_do
        from approvals.run_gates
        where is_stopped and document_month + interval 1 month <= (select max(landed_on) from raw.landed_files)
        order by entity, document_month, cause
    """,
    "decisions": """
        select 'decision' as kind, decision_id || ' on ' || invoice_key as subject, hold_reason || ': ' || meaning as reason, what_to_do
        from approvals.decisions left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null
        order by entity, decision_id
    """,
    "write-offs": """
        select 'write-off' as kind, decision_id || ' on ' || invoice_key as subject, hold_reason || ': ' || meaning as reason, what_to_do
        from canonical.write_offs left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null
        order by entity, decision_id
    """,
    # The billing platform is not told: its invoice stays open there until a person says so. Listed until a later month is journalled.
    "written off": """
        select 'written off' as kind, write_offs.entity || ' ' || balances.number as subject,
            'nothing is open of it since ' || write_offs.period as reason, 'mark it uncollectible at the billing platform' as what_to_do
        from canonical.write_offs as write_offs
        inner join canonical.invoice_balances as balances on write_offs.invoice_key = balances.invoice_key
        where write_offs.hold_reason is null and balances.remaining_minor <= 0
            and write_offs.period >= (select max(period) from register.documents where document_type = 'journal_entry')
        order by write_offs.entity, balances.number
    """,
    "refunds and write-offs": """
        select 'journal' as kind, entity || ' ' || natural_id as subject, hold_reason || ': ' || meaning as reason, what_to_do
        from accounting.decision_postings left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null
        order by entity, natural_id
    """,
    # What is held on its line is told above. Entities without an account are told once for a month.
    "accruals": """
        select distinct 'accrual' as kind,
            entity || ' ' || case when hold_reason = 'no_unbilled_account' then period else natural_id || ' ' || line_key end as subject,
            hold_reason || ': ' || meaning as reason, what_to_do
        from accounting.unbilled_accruals inner join constants.reasons on hold_reason = reasons.reason
        where (applies_to = 'accrual' or not is_unaccruable) and posting_date < (select max(landed_on) from raw.landed_files)
        order by subject
    """,
    "revaluations": """
        select distinct 'revaluation' as kind,
            entity || ' ' || case when hold_reason = 'no_revaluation_account' then period else natural_id end as subject,
            hold_reason || ': ' || meaning as reason, what_to_do
        from accounting.revaluations inner join constants.reasons on hold_reason = reasons.reason
        where posting_date < (select max(landed_on) from raw.landed_files)
        order by subject
    """,
    "reports": """
        select 'held report' as kind, entity || ' ' || customer_id || ' ' || usage_key as subject, hold_reason || ': ' || meaning as reason,
            what_to_do
        from platform.held_usage_reports
        where document_month + interval 1 month <= (select max(landed_on) from raw.landed_files)
        order by entity, customer_id, usage_key
    """,
    "payments": """
        select 'payment' as kind, entity || ' ' || payment_key as subject,
            coalesce(hold_reason || ': ' || meaning, 'posted and ' || status || ' since') as reason,
            coalesce(what_to_do, 'book what went back in the ERP') as what_to_do
        from accounting.payment_postings left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null or status <> 'paid'
        order by entity, payment_key
    """,
    "intercompany": """
        select 'journal' as kind, entity || ' ' || natural_id as subject, hold_reason || ': ' || meaning as reason, what_to_do
        from accounting.intercompany_postings left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null
        order by entity, natural_id
    """,
    "translations": """
        select 'translation' as kind, entity || ' ' || period as subject,
            missing_rate || ' from ' || functional_currency || ' to ' || group_currency || ' is missing' as reason,
            'deliver approved exchange rates of the period' as what_to_do
        from ledger.missing_translations
        where period in (select period from register.documents where document_type = 'journal_entry')
        order by period, entity
    """,
    "breaks": """
        select 'break' as kind, checkpoint || ' ' || entity || ' ' || period || ' ' || subject as subject,
            measure || ' ' || coalesce(cast(left_value as varchar), 'absent') || ' / ' || coalesce(cast(right_value as varchar), 'absent') as reason,
            coalesce(explanation, 'compare both sides with tieout trace') as what_to_do
        from reconciliation.checkpoint_breaks
        where period in (select period from register.documents)
        order by period, checkpoint, entity, subject
    """,
}


def published(warehouse: Warehouse, statement: str) -> list[dict[str, Any]]:
    """The rows of a query. Of what was planned and never closed a part is published: what no run has computed yet has nothing to show."""
    there = warehouse.read_published("select table_schema || '.' || table_name as relation from information_schema.tables").to_pylist()
    wanted = set(re.findall(r"(?:from|join) (\w+\.\w+)", statement))
    rows: list[dict[str, Any]] = warehouse.read_published(statement).to_pylist() if wanted <= {row["relation"] for row in there} else []
    return rows


@click.command("status")
@with_session
def status_command(session: Session) -> None:
    """Show the periods, the documents by state, the checkpoints and the counterparties."""
    from reverse_etl.sandbox.supervisor import sandbox_status

    warehouse = session.installation.warehouse
    statements = {"periods": PERIODS, "documents": DOCUMENTS, "checkpoints": CHECKPOINTS}
    found = {name: published(warehouse, statement) for name, statement in statements.items()}
    for title, records in found.items():
        session.table(title.capitalize(), records, list(records[0]) if records else ["none yet"])
    sandbox = sandbox_status(session.settings)
    for name, endpoint in sandbox.items():
        session.line(f"Sandbox {name}: {endpoint.url if endpoint else 'not running'}")
    session.result({**found, "sandbox": dict(sandbox)})
