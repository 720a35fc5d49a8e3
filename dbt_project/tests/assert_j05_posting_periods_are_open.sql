-- Posting into a closed period changes figures that somebody has signed. A document is posted in its period, in the first open one or later;
-- a soft closed period takes the snapshots of its end and what two people have decided.
with

outbox as (
    select
        business_key,
        document_type,
        entity,
        period,
        posting_date,
        cause
    from {{ ref('outbox_journal_entries') }}
    union all
    select
        business_key,
        document_type,
        entity,
        period,
        posting_date,
        cause
    from {{ ref('outbox_invoices') }}
    union all
    select
        business_key,
        document_type,
        entity,
        period,
        posting_date,
        cause
    from {{ ref('outbox_credit_memos') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

latest_status as (
    {{ latest_period_statuses(source('register_issued', 'periods')) }}
),

judged as (
    select
        outbox.business_key,
        outbox.entity,
        outbox.period,
        outbox.posting_date,
        entities.first_open_month,
        coalesce(latest_status.status, 'open') as status,
        outbox.document_type = 'journal_entry'
        and outbox.cause in ({{ soft_close_causes() }})
        and coalesce(latest_status.status, 'open') = 'soft_closed' as ends_its_period
    from outbox
    inner join entities on outbox.entity = entities.entity
    left join latest_status
        on
            outbox.entity = latest_status.entity
            and outbox.period = latest_status.period
)

select
    business_key,
    entity,
    period,
    posting_date,
    first_open_month,
    status
from judged
where
    {{ period_of('posting_date') }} <> period
    or (not ends_its_period and (status <> 'open' or posting_date < first_open_month))
