with

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
),

final as (
    select
        usage_key,
        customer_id,
        subscription_id,
        charge_id,
        meter,
        service_period_start,
        {{ add_months('service_period_start', 1) }} as service_period_end,
        sum(quantity) as quantity,
        {{ sum_whole('event_count') }} as event_count,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        max(last_landed_on) as last_landed_on,
        {{ digest(ordered_text(dbt.concat(["cast(occurred_on as varchar)", "':'", "fingerprint"]), "occurred_on")) }} as fingerprint
    from claimed_daily_usage
    group by
        usage_key,
        customer_id,
        subscription_id,
        charge_id,
        meter,
        service_period_start
)

select * from final
