{{ config(materialized='view') }}

with

arrivals as (
    select * from {{ ref('usage_arrivals') }}
),

retractions as (
    select * from {{ ref('usage_retractions') }}
),

-- What a retraction makes of a line that had arrived.
settled as (
    select
        retracted_landing_position as landing_position,
        retracted_line_number as line_number,
        'retracted' as disposition,
        cast(null as varchar) as reason
    from retractions
    where reason is null
    union all
    select
        landing_position,
        line_number,
        'quarantined' as disposition,
        reason
    from retractions
    where reason is not null
),

final as (
    select
        arrivals.file_name,
        arrivals.line_number,
        arrivals.landing_position,
        arrivals.landed_on,
        arrivals.event_source,
        arrivals.event_id,
        arrivals.event_type,
        arrivals.customer_id,
        arrivals.meter,
        arrivals.quantity,
        arrivals.dimensions,
        arrivals.counted_value,
        arrivals.supplied_minor,
        arrivals.occurred_at,
        arrivals.occurred_on,
        coalesce(settled.disposition, arrivals.disposition) as disposition,
        coalesce(settled.reason, arrivals.reason) as reason
    from arrivals
    left join settled
        on
            arrivals.landing_position = settled.landing_position
            and arrivals.line_number = settled.line_number
)

select * from final
