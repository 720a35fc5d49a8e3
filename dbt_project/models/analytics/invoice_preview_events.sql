{{ config(materialized='view') }}

with

usage_events as (
    select * from {{ ref('usage_events') }}
),

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
),

final as (
    select
        claimed_daily_usage.usage_key,
        usage_events.event_key,
        usage_events.event_source,
        usage_events.event_id,
        usage_events.customer_id,
        usage_events.meter,
        usage_events.dimensions,
        usage_events.quantity,
        usage_events.occurred_at,
        usage_events.is_late,
        usage_events.landed_on,
        usage_events.file_name,
        usage_events.line_number
    from usage_events
    inner join claimed_daily_usage
        on
            usage_events.customer_id = claimed_daily_usage.customer_id
            and usage_events.meter = claimed_daily_usage.meter
            and usage_events.dimensions = claimed_daily_usage.dimensions
            and usage_events.occurred_on = claimed_daily_usage.occurred_on
)

select * from final
