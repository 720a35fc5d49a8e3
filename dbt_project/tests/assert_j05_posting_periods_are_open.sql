-- Posting into a closed period changes figures that somebody has signed.
with

latest_status as (
    select
        ranked.entity,
        ranked.period,
        ranked.status
    from (
        select
            periods.*,
            row_number() over (partition by entity, period order by position desc) as recency
        from {{ source('register_issued', 'periods') }} as periods
    ) as ranked
    where ranked.recency = 1
)

select
    outbox.business_key,
    outbox.entity,
    outbox.period,
    latest_status.status
from {{ ref('outbox_journal_entries') }} as outbox
inner join latest_status
    on
        outbox.entity = latest_status.entity
        and outbox.period = latest_status.period
where latest_status.status <> 'open'
