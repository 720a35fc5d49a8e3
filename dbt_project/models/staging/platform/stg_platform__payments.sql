{{ config(materialized='view') }}

with

reads as (
    select * from {{ ref('stg_platform__reads') }}
),

seen as (
    select
        payments.*,
        row_number() over (partition by payments.entity, payments.remote_id order by payments.read_id desc) as recency
    from {{ source('platform', 'platform_payments') }} as payments
    inner join reads
        on
            payments.read_id = reads.read_id
            and payments.entity = reads.entity
            and payments.period = reads.period
),

final as (
    select
        entity,
        remote_id,
        invoice_remote_id,
        status,
        currency,
        amount_minor,
        paid_on,
        method,
        payment_remote_id
    from seen
    where recency = 1
)

select * from final
