with

usage_deltas as (
    select * from {{ ref('usage_deltas') }}
    where hold_reason is not null
),

reasons as (
    select * from {{ ref('reasons') }}
),

final as (
    select
        usage_deltas.usage_key,
        usage_deltas.customer_id,
        usage_deltas.entity,
        usage_deltas.document_month,
        usage_deltas.meter,
        usage_deltas.quantity,
        usage_deltas.reported_value,
        usage_deltas.hold_reason,
        reasons.meaning,
        reasons.what_to_do
    from usage_deltas
    left join reasons on usage_deltas.hold_reason = reasons.reason
)

select * from final
