{{ config(materialized='view') }}

with

documents as (
    select * from {{ ref('canonical_documents') }}
    where document_type <> 'opening' and issue_event <> 'opening_balance'
),

canonical_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

served_revenue as (
    select * from {{ ref('served_revenue') }}
),

revenue_movements as (
    select * from {{ ref('revenue_movements') }}
),

sub_ledger_balances as (
    select * from {{ ref('sub_ledger_balances') }}
    where sub_ledger <> 'revenue'
),

journal_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
),

revenue_accounts as (
    select * from {{ ref('waterfall_revenue_accounts') }}
),

schedules as (
    select
        canonical_lines.entity,
        {{ period_of('served_revenue.recognition_month') }} as period,
        canonical_lines.currency,
        case
            when canonical_lines.document_type <> 'opening' and canonical_lines.period = {{ period_of('served_revenue.recognition_month') }} then 'deferred'
            else 'prior_deferred'
        end as step,
        served_revenue.amount_minor
    from served_revenue
    inner join canonical_lines on served_revenue.document_line_key = canonical_lines.document_line_key
    where canonical_lines.kind <> 'prepaid'
),

booked as (
    select
        journal_lines.entity,
        journal_lines.period,
        journal_lines.currency,
        journal_lines.system,
        journal_lines.state,
        case when journal_lines.side = 'credit' then journal_lines.amount_minor else -journal_lines.amount_minor end as amount_minor
    from journal_lines
    inner join revenue_accounts
        on
            journal_lines.entity = revenue_accounts.entity
            and journal_lines.account = revenue_accounts.account
),

final as (
    select
        entity,
        period,
        currency,
        'held_documents' as step,
        -total_minor as amount_minor
    from documents
    where hold_reason is not null
    union all
    select
        entity,
        period,
        currency,
        'tax_payable' as step,
        -tax_minor as amount_minor
    from canonical_lines
    where
        document_type <> 'opening'
        and tax_minor <> 0
    union all
    select
        entity,
        period,
        currency,
        case kind when 'fee' then 'deferred' else 'prepaid_credits' end as step,
        -amount_minor as amount_minor
    from canonical_lines
    where
        document_type <> 'opening'
        and kind in ('fee', 'prepaid')
    union all
    select
        entity,
        period,
        currency,
        step,
        amount_minor
    from schedules
    where amount_minor <> 0
    union all
    select
        entity,
        period,
        currency,
        case
            when earned_by = 'promotional_credit' then 'promotional_credits'
            when earned_by = 'breakage' then 'breakage'
            when period = service_period then 'accrued'
            else 'accrual_reversed'
        end as step,
        amount_minor
    from revenue_movements
    where earned_by in ('promotional_credit', 'breakage', 'accrual')
    union all
    select
        sub_ledger_balances.entity,
        sub_ledger_balances.period,
        sub_ledger_balances.currency,
        'other_sub_ledgers' as step,
        sub_ledger_balances.opening_minor - sub_ledger_balances.closing_minor as amount_minor
    from sub_ledger_balances
    inner join revenue_accounts
        on
            sub_ledger_balances.entity = revenue_accounts.entity
            and sub_ledger_balances.account = revenue_accounts.account
    where sub_ledger_balances.opening_minor <> sub_ledger_balances.closing_minor
    -- What the register holds and no destination has: carried over, refused for good, or still on its way.
    union all
    select
        entity,
        period,
        currency,
        case
            when system = 'register' then 'carried_over'
            when state = 'rejected' then 'refused'
            else 'not_posted'
        end as step,
        -amount_minor as amount_minor
    from booked
    where
        system = 'register'
        or state not in ('posted', 'verified', 'reversed')
    union all
    select
        entity,
        period,
        currency,
        'posted' as step,
        amount_minor
    from booked
    where
        system <> 'register'
        and state in ('posted', 'verified', 'reversed')
)

select * from final
