{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

daily_usage as (
    select * from {{ ref('daily_usage') }}
    where {{ touched_rows('claimed_daily_usage') }}
),

subscription_charges as (
    select * from {{ ref('subscription_charges') }}
    where kind = 'usage'
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

-- One day's usage belongs to one subscription: where two could claim it, the one that started last does.
claims as (
    select
        daily_usage.customer_id,
        daily_usage.meter,
        daily_usage.dimensions,
        daily_usage.occurred_on,
        subscription_charges.subscription_id,
        subscription_charges.plan_id,
        subscription_charges.ends_on,
        subscription_charges.charge_id,
        subscription_charges.grouped_by,
        row_number() over (
            partition by daily_usage.customer_id, daily_usage.meter, daily_usage.dimensions, daily_usage.occurred_on
            order by
                subscription_charges.starts_on desc,
                subscription_charges.subscription_id asc,
                subscription_charges.subscription_version desc,
                subscription_charges.charge_id asc
        ) as claim_rank
    from daily_usage
    inner join subscription_charges
        on
            daily_usage.customer_id = subscription_charges.customer_id
            and daily_usage.meter = subscription_charges.meter
            and daily_usage.occurred_on >= subscription_charges.starts_on
            and (daily_usage.occurred_on < subscription_charges.ends_on or subscription_charges.ends_on is null)
),

claimed as (
    select
        daily_usage.*,
        claims.subscription_id,
        claims.charge_id,
        coalesce({{ chosen_members('daily_usage.dimensions', 'claims.grouped_by') }}, '') as charged_dimensions,
        coalesce(subscription_periods.period_start, {{ month_start('daily_usage.occurred_on') }}) as service_period_start,
        coalesce(subscription_periods.period_end, {{ add_months(month_start('daily_usage.occurred_on'), 1) }}) as service_period_end,
        claims.ends_on as served_to
    from daily_usage
    left join claims
        on
            daily_usage.customer_id = claims.customer_id
            and daily_usage.meter = claims.meter
            and daily_usage.dimensions = claims.dimensions
            and daily_usage.occurred_on = claims.occurred_on
            and claims.claim_rank = 1
    left join subscription_periods
        on
            claims.subscription_id = subscription_periods.subscription_id
            and claims.plan_id = subscription_periods.plan_id
            and daily_usage.occurred_on >= subscription_periods.period_start
            and daily_usage.occurred_on < subscription_periods.period_end
),

final as (
    select
        {{ dbt.concat([
            "coalesce(subscription_id, 'unsubscribed:' || customer_id)", "'/'", "coalesce(charge_id, 'uncharged:' || meter)", "'/'", "cast(service_period_start as varchar)", "case when charged_dimensions = '' then '' else '/' || charged_dimensions end"
        ]) }} as usage_key,
        customer_id,
        subscription_id,
        charge_id,
        meter,
        dimensions,
        charged_dimensions,
        occurred_on,
        service_period_start,
        service_period_end,
        -- Billed at the end of the period, or of the subscription where that comes first.
        {{ month_start(add_days('least(service_period_end, coalesce(served_to, service_period_end))', -1)) }} as billing_month,
        quantity,
        event_count,
        retracted_count,
        largest_quantity,
        latest_quantity,
        supplied_minor,
        first_event_at,
        last_event_at,
        last_landed_on,
        last_landing_position,
        fingerprint
    from claimed
)

select * from final
