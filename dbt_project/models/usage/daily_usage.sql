{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

events as (
    select
        dispositions.*,
        disposition = 'kept' as is_kept
    from {{ ref('usage_event_dispositions') }} as dispositions
    where
        disposition in ('kept', 'retracted')
        and {{ touched_rows('daily_usage') }}
),

-- A day of which every event was retracted stays as a row, for what was billed of it is taken back.
final as (
    select
        customer_id,
        meter,
        dimensions,
        occurred_on,
        cast(coalesce(sum(case when is_kept then quantity end), 0) as {{ quantity_type() }}) as quantity,
        count(case when is_kept then 1 end) as event_count,
        count(case when not is_kept then 1 end) as retracted_count,
        max(case when is_kept then quantity end) as largest_quantity,
        {{ value_at_latest('quantity', 'occurred_at', dbt.concat(["event_source", "'#'", "event_id"]), 'is_kept') }} as latest_quantity,
        sum(case when is_kept then supplied_minor end) as supplied_minor,
        min(case when is_kept then occurred_at end) as first_event_at,
        max(case when is_kept then occurred_at end) as last_event_at,
        max(landed_on) as last_landed_on,
        max(landing_position) as last_landing_position,
        cast(coalesce(sum(case when is_kept then {{ place_number('landing_position', 'line_number') }} end), 0) as {{ wide_integer() }}) as fingerprint
    from events
    group by
        customer_id,
        meter,
        dimensions,
        occurred_on
)

select * from final
