{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
    where {{ touched_rows('period_usage') }}
),

final as (
    select
        usage_key,
        charged_customer_id as customer_id,
        subscription_id,
        charge_id,
        meter,
        charged_dimensions,
        service_period_start,
        service_period_end,
        min(billing_month) as billing_month,
        sum(quantity) as kept_quantity,
        {{ sum_whole('event_count') }} as event_count,
        {{ sum_whole('retracted_count') }} as retracted_count,
        coalesce(max(largest_quantity), 0) as largest_quantity,
        coalesce({{ value_at_latest('latest_quantity', 'last_event_at', 'dimensions', 'event_count > 0') }}, 0) as latest_quantity,
        sum(supplied_minor) as supplied_minor,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        max(last_landed_on) as last_landed_on,
        max(last_landing_position) as last_landing_position,
        {{ digest(dbt.concat([
            "cast(sum(event_count) as varchar)", "':'", "cast(sum(fingerprint) as varchar)", "':'",
            "cast(sum(fingerprint * " ~ days_between("cast('1970-01-01' as date)", 'occurred_on') ~ ") as varchar)"
        ])) }} as fingerprint
    from claimed_daily_usage
    group by
        usage_key,
        charged_customer_id,
        subscription_id,
        charge_id,
        meter,
        charged_dimensions,
        service_period_start,
        service_period_end
)

select * from final
