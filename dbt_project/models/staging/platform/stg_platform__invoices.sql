{{ config(materialized='view') }}

with

reads as (
    select * from {{ ref('stg_platform__reads') }}
),

seen as (
    select
        invoices.*,
        row_number() over (partition by invoices.entity, invoices.remote_id order by invoices.read_id desc) as recency,
        row_number() over (
            partition by invoices.entity, invoices.remote_id
            order by case when invoices.finalized_on is not null then 0 else 1 end asc, invoices.read_id asc
        ) as age
    from {{ source('platform', 'platform_invoices') }} as invoices
    inner join reads
        on
            invoices.read_id = reads.read_id
            and invoices.entity = reads.entity
            and invoices.period = reads.period
),

-- A final invoice never changes, so that its facts are those of the first read that saw it final; only its status goes on.
first_seen as (
    select * from seen
    where
        age = 1
        and finalized_on is not null
),

last_seen as (
    select * from seen
    where recency = 1
),

last_reads as (
    select
        last_seen.entity,
        last_seen.remote_id,
        max(reads.read_id) as last_covering_read_id
    from last_seen
    inner join reads
        on
            last_seen.entity = reads.entity
            and last_seen.document_date >= reads.covers_from
    group by
        last_seen.entity,
        last_seen.remote_id
),

final as (
    select
        first_seen.entity,
        first_seen.remote_id,
        first_seen.read_id as first_read_id,
        first_seen.number,
        last_seen.status,
        first_seen.currency,
        first_seen.document_date,
        first_seen.subtotal_minor,
        first_seen.tax_minor,
        first_seen.total_minor,
        first_seen.customer_remote_id,
        first_seen.subscription_remote_id,
        first_seen.subscription_id,
        first_seen.period_start,
        first_seen.period_end,
        last_seen.voided_on,
        last_seen.total_minor as current_total_minor,
        last_seen.amount_remaining_minor as current_remaining_minor,
        last_seen.read_id < coalesce(last_reads.last_covering_read_id, last_seen.read_id) as is_vanished
    from first_seen
    inner join last_seen
        on
            first_seen.entity = last_seen.entity
            and first_seen.remote_id = last_seen.remote_id
    left join last_reads
        on
            first_seen.entity = last_reads.entity
            and first_seen.remote_id = last_reads.remote_id
)

select * from final
