"""What the warehouse holds back, in the same words everywhere: what it is, why, and what a person does about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_project.quantities import quantity

if TYPE_CHECKING:
    from reverse_etl.warehouse import Warehouse

HELD_JOURNALS = """
    select 'journal' as kind, entity || ' ' || natural_id as subject, hold_reason || ': ' || meaning as reason, what_to_do,
        entity, period, currency, amount_minor, cast(posting_date as timestamp) as since, 'accounting' as owner,
        'tieout trace ' || source_document as command
    from {postings} left join constants.reasons on hold_reason = reasons.reason
    where hold_reason is not null
    order by entity, natural_id
"""
# Each part of the line tells what it could not take: where, why, and what to do; whose it is, what is at stake and since when, as far as that is
# known there; and the command that one goes on with.
EXCEPTIONS: Mapping[str, str] = {
    "landing": """
        select 'file' as kind, file_name || coalesce(' line ' || line_number, '') as subject, reason, remedy as what_to_do,
            null as entity, null as period, null as currency, null as amount_minor, seen_at as since, 'data-engineering' as owner,
            'tieout land' as command
        from raw.landing_problems order by seen_at, file_name, line_number
    """,
    "excluded": """
        select 'excluded row' as kind, file_name || ' line ' || line_number as subject, reason, remedy as what_to_do,
            null as entity, null as period, null as currency, null as amount_minor, loaded_at as since, 'data-engineering' as owner,
            'tieout land' as command
        from raw.excluded_rows
        order by file_name, line_number
    """,
    "refused": """
        select 'refused row' as kind, file_name || ' line ' || line_number as subject, rule || ': ' || subject || ', ' || meaning as reason,
            what_to_do,
            null as entity, null as period, null as currency, null as amount_minor,
            try_cast(regexp_extract(file_name, '[0-9]{4}-[0-9]{2}-[0-9]{2}') as timestamp) as since, 'finance-operations' as owner,
            'tieout land' as command
        from staging.refused_reference_rows order by file_name, line_number, rule
    """,
    "quarantine": """
        select 'event' as kind, file_name || ' line ' || line_number as subject, reason || ': ' || meaning as reason, what_to_do,
            null as entity, strftime(landed_on, '%Y-%m') as period, null as currency, null as amount_minor, cast(landed_on as timestamp) as since,
            'data-engineering' as owner, coalesce('tieout trace ' || event_id, 'tieout land') as command
        from usage.quarantined_usage_events order by file_name, line_number
    """,
    "holds": """
        select 'held line' as kind, entity || ' ' || customer_id || ' ' || line_key as subject, hold_reason || ': ' || meaning as reason, what_to_do,
            entity, strftime(document_month, '%Y-%m') as period, currency, delta_minor as amount_minor,
            cast(document_month + interval 1 month as timestamp) as since, 'finance-operations' as owner,
            'tieout preview ' || strftime(document_month, '%Y-%m') as command
        from invoicing.held_lines
        -- A month that is still going on has drafts and no close: what is missing for it is nobody's task yet.
        where document_month + interval 1 month <= (select max(landed_on) from raw.landed_files)
        order by entity, customer_id, line_key
    """,
    "gates": """
        select 'run gate' as kind, subject || ' ' || strftime(document_month, '%Y-%m') as subject,
            line_count || ' lines above the limits: ' || status as reason,
            'look at approvals.stopped_lines, then tieout approve ' || plan_hash as what_to_do,
            entity, strftime(document_month, '%Y-%m') as period, functional_currency as currency, gross_minor as amount_minor,
            cast(document_month + interval 1 month as timestamp) as since, 'finance-operations' as owner, 'tieout approve ' || plan_hash as command
        from approvals.run_gates
        where is_stopped and document_month + interval 1 month <= (select max(landed_on) from raw.landed_files)
        order by entity, document_month, cause
    """,
    "decisions": """
        select 'decision' as kind, decision_id || ' on ' || invoice_key as subject, hold_reason || ': ' || meaning as reason, what_to_do,
            entity, strftime(document_month, '%Y-%m') as period, currency, amount_minor, cast(document_month as timestamp) as since,
            'finance-operations' as owner, 'tieout approvals' as command
        from approvals.decisions left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null
        order by entity, decision_id
    """,
    "write-offs": """
        select 'write-off' as kind, decision_id || ' on ' || invoice_key as subject, hold_reason || ': ' || meaning as reason, what_to_do,
            entity, period, currency, amount_minor, cast(posting_date as timestamp) as since, 'finance-operations' as owner,
            'tieout approvals' as command
        from canonical.write_offs left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null
        order by entity, decision_id
    """,
    # The billing platform is not told: its invoice stays open there until a person says so. Listed until a later month is journalled.
    "written off": """
        select 'written off' as kind, write_offs.entity || ' ' || balances.number as subject,
            'nothing is open of it since ' || write_offs.period as reason, 'mark it uncollectible at the billing platform' as what_to_do,
            write_offs.entity, write_offs.period, write_offs.currency, write_offs.amount_minor, cast(write_offs.posting_date as timestamp) as since,
            'finance-operations' as owner, 'tieout trace ' || balances.number as command
        from canonical.write_offs as write_offs
        inner join canonical.invoice_balances as balances on write_offs.invoice_key = balances.invoice_key
        where write_offs.hold_reason is null and balances.remaining_minor <= 0
            and write_offs.period >= (select max(period) from register.documents where document_type = 'journal_entry')
        order by write_offs.entity, balances.number
    """,
    "refunds and write-offs": HELD_JOURNALS.format(postings="accounting.decision_postings"),
    # What is held on its line is told above. Entities without an account are told once for a month.
    "accruals": """
        select 'accrual' as kind,
            entity || ' ' || case when hold_reason = 'no_unbilled_account' then period else natural_id || ' ' || line_key end as subject,
            hold_reason || ': ' || meaning as reason, what_to_do,
            entity, period, currency, sum(amount_minor)::bigint as amount_minor, cast(max(posting_date) as timestamp) as since,
            'accounting' as owner, 'tieout preview ' || period as command
        from accounting.unbilled_accruals inner join constants.reasons on hold_reason = reasons.reason
        where (applies_to = 'accrual' or not is_unaccruable) and posting_date < (select max(landed_on) from raw.landed_files)
        group by all
        order by subject
    """,
    "revaluations": """
        select 'revaluation' as kind,
            entity || ' ' || case when hold_reason = 'no_revaluation_account' then period else natural_id end as subject,
            hold_reason || ': ' || meaning as reason, what_to_do,
            entity, period, currency, sum(open_minor)::bigint as amount_minor, cast(max(posting_date) as timestamp) as since,
            'accounting' as owner, 'tieout close ' || period as command
        from accounting.revaluations inner join constants.reasons on hold_reason = reasons.reason
        where posting_date < (select max(landed_on) from raw.landed_files)
        group by all
        order by subject
    """,
    "reports": """
        select 'held report' as kind, entity || ' ' || customer_id || ' ' || usage_key as subject, hold_reason || ': ' || meaning as reason,
            what_to_do,
            entity, strftime(document_month, '%Y-%m') as period, null as currency, null as amount_minor,
            cast(document_month + interval 1 month as timestamp) as since, 'finance-operations' as owner,
            'tieout report-usage ' || strftime(document_month, '%Y-%m') as command
        from platform.held_usage_reports
        where document_month + interval 1 month <= (select max(landed_on) from raw.landed_files)
        order by entity, customer_id, usage_key
    """,
    "payments": """
        select 'payment' as kind, entity || ' ' || payment_key as subject,
            coalesce(hold_reason || ': ' || meaning, 'posted and ' || status || ' since') as reason,
            coalesce(what_to_do, 'book what went back in the ERP') as what_to_do,
            entity, period, currency, amount_minor, cast(paid_on as timestamp) as since, 'accounting' as owner,
            'tieout trace ' || payment_id as command
        from accounting.payment_postings left join constants.reasons on hold_reason = reasons.reason
        where hold_reason is not null or status <> 'paid'
        order by entity, payment_key
    """,
    "intercompany": HELD_JOURNALS.format(postings="accounting.intercompany_postings"),
    "translations": """
        select 'translation' as kind, entity || ' ' || period as subject,
            missing_rate || ' from ' || functional_currency || ' to ' || group_currency || ' is missing' as reason,
            'deliver approved exchange rates of the period' as what_to_do,
            entity, period, null as currency, null as amount_minor, cast(cast(period || '-01' as date) + interval 1 month as timestamp) as since,
            'accounting' as owner, 'tieout land' as command
        from ledger.missing_translations
        where period in (select period from register.documents where document_type = 'journal_entry')
        order by period, entity
    """,
    "breaks": """
        select 'break' as kind, checkpoint || ' ' || breaks.entity || ' ' || breaks.period || ' ' || subject as subject,
            measure || ' ' || coalesce(cast(left_value as varchar), 'absent') || ' / ' || coalesce(cast(right_value as varchar), 'absent') as reason,
            coalesce(
                explanation || ': ' || reasons.what_to_do,
                explanation,
                case
                    when checkpoint = 'K8' and right_value is null
                        then 'somebody else posted it: deliver its listing (tieout sources foreign_entries), or reverse it in the ERP; then close'
                    when checkpoint = 'K9' then 'settle what K7 and K8 name of this account; then close again'
                    else 'compare both sides'
                end
            ) as what_to_do,
            breaks.entity, breaks.period, currencies.currency,
            case when currencies.currency is not null then cast(abs(difference) as bigint) end as amount_minor,
            cast(cast(breaks.period || '-01' as date) + interval 1 month as timestamp) as since, catalogue.owner,
            case
                when explanation like 'held: %' then 'tieout preview ' || breaks.period
                when checkpoint = 'K0' then 'tieout land'
                when checkpoint in ('K4', 'K7') then 'tieout reconcile ' || breaks.period || ' --entity ' || breaks.entity
                when checkpoint = 'K8' and right_value is null then 'tieout sources foreign_entries'
                when checkpoint = 'K9' then
                    'tieout query account_movements --set entity=' || breaks.entity || ' --set account=' || regexp_extract(subject, '^\\S+')
                    || ' --set period=' || breaks.period
                else 'tieout trace ' || regexp_extract(subject, '^\\S+')
            end as command,
            measure, unit, cast(left_value as varchar) as left_value, cast(right_value as varchar) as right_value, left_side, right_side
        from reconciliation.checkpoint_breaks as breaks
        left join constants.currencies as currencies on unit = currencies.currency
        left join constants.checkpoint_catalogue as catalogue using (checkpoint)
        left join constants.reasons as reasons on breaks.explanation = 'held: ' || reasons.reason
        where breaks.period in (select period from register.documents)
        order by breaks.period, checkpoint, breaks.entity, subject
    """,
}


def compared(row: Mapping[str, Any], exponents: Mapping[str, int]) -> str:
    """Both sides of a break as people read them; ``exponents`` are decimals by currency."""
    left, right = (quantity(row[side], row["unit"], exponents) if row[side] is not None else "nothing" for side in ("left_value", "right_value"))
    return f"{row['measure']}: {row['left_side']} {left}, {row['right_side']} {right}"


def published(warehouse: Warehouse, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The rows of a query. Of what was planned and never closed a part is published: what no run has computed yet has nothing to show."""
    there = warehouse.read_published("select table_schema || '.' || table_name as relation from information_schema.tables").to_pylist()
    wanted = set(re.findall(r"(?:from|join) (\w+\.\w+)", statement))
    if not wanted <= {row["relation"] for row in there}:
        return []
    rows: list[dict[str, Any]] = warehouse.read_published(statement, parameters).to_pylist()
    return rows
