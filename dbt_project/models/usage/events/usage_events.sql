{{ config(materialized='view') }}

with

dispositions as (
    select * from {{ ref('usage_event_dispositions') }}
),

final as (
    select
        {{ dbt.concat(["event_source", "'#'", "event_id"]) }} as event_key,
        event_source,
        event_id,
        event_type,
        customer_id,
        meter,
        quantity,
        dimensions,
        counted_value,
        supplied_minor,
        occurred_at,
        occurred_on,
        {{ month_start('occurred_on') }} as service_month,
        landed_on > {{ add_months(month_start('occurred_on'), 1) }} as is_late,
        landed_on,
        landing_position,
        file_name,
        line_number
    from dispositions
    where disposition = 'kept'
)

select * from final
