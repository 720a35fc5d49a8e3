{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

-- depends_on: {{ ref('usage_retractions') }}
-- depends_on: {{ ref('period_usage') }}
-- depends_on: {{ ref('event_level_usage') }}
with

arrivals as (
    select
        usage_arrivals.*,
        case when disposition in ('kept', 'retraction') then occurred_on end as counted_on
    from {{ ref('usage_arrivals') }} as usage_arrivals
    where {{ rows_of_state('usage_landing_days') }}
),

final as (
    select
        landed_on,
        counted_on as occurred_on,
        max(landing_position) as landing_position,
        count(*) as line_count
    from arrivals
    group by
        landed_on,
        counted_on
)

select * from final
