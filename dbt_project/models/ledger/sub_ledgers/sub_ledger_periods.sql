with

documents as (
    select * from {{ ref('canonical_documents') }}
    where hold_reason is null
),

payments as (
    select * from {{ ref('payment_postings') }}
    where hold_reason is null
),

decision_postings as (
    select * from {{ ref('decision_postings') }}
    where hold_reason is null
),

openings as (
    select * from {{ ref('stg_register_issued__openings') }}
),

journals as (
    select * from {{ ref('stg_register_closing__documents') }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
),

dated as (
    select
        entity,
        posting_date
    from documents
    union all
    select
        entity,
        posting_date
    from payments
    union all
    select
        entity,
        posting_date
    from decision_postings
    union all
    select
        entity,
        posting_date
    from openings
    -- Revenue is recognised in months in which nothing else happens.
    union all
    select
        entity,
        posting_date
    from journals
),

bounds as (
    select
        entity,
        min(posting_date) as first_day,
        max(posting_date) as last_day
    from dated
    group by entity
),

months as (
    select
        entity,
        {{ months_from(month_start('first_day'), month_start('last_day')) }} as first_of_month
    from bounds
),

final as (
    select
        entity,
        {{ period_of('first_of_month') }} as period,
        {{ add_days(add_months('first_of_month', 1), -1) }} as last_day
    from months
)

select * from final
