{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

usage_events as (
    select * from {{ ref('usage_events') }}
),

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
    where {{ touched_rows('event_level_usage') }}
),

subscription_charges as (
    select * from {{ ref('subscription_charges') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

-- Only what cannot be told from a day's sums is looked at event by event.
wanted_charges as (
    select distinct
        subscription_charges.subscription_id,
        subscription_charges.charge_id,
        meters.aggregation in ('weighted_sum', 'prorated_sum') as is_level
    from subscription_charges
    inner join meters on subscription_charges.meter = meters.meter
    where meters.aggregation in ('unique_count', 'weighted_sum', 'prorated_sum') or subscription_charges.charge_model = 'percentage'
),

final as (
    select
        usage_events.event_key,
        usage_events.landing_position,
        usage_events.line_number,
        claimed_daily_usage.usage_key,
        claimed_daily_usage.subscription_id,
        claimed_daily_usage.charge_id,
        claimed_daily_usage.charged_dimensions,
        claimed_daily_usage.charged_customer_id as customer_id,
        claimed_daily_usage.service_period_start,
        claimed_daily_usage.service_period_end,
        usage_events.occurred_at,
        usage_events.occurred_on,
        usage_events.quantity,
        usage_events.counted_value,
        -- A level's event may say itself how many of its units count for the period.
        case when wanted_charges.is_level then {{ safe_cast_to('usage_events.counted_value', quantity_type()) }} end as prorated_quantity,
        sum(usage_events.quantity) over (
            partition by claimed_daily_usage.usage_key
            order by usage_events.occurred_at asc, usage_events.event_key asc
            rows between unbounded preceding and current row
        ) as running_total,
        row_number() over (
            partition by claimed_daily_usage.usage_key order by usage_events.occurred_at asc, usage_events.event_key asc
        ) as event_rank
    from usage_events
    inner join claimed_daily_usage
        on
            usage_events.customer_id = claimed_daily_usage.customer_id
            and usage_events.meter = claimed_daily_usage.meter
            and usage_events.dimensions = claimed_daily_usage.dimensions
            and usage_events.occurred_on = claimed_daily_usage.occurred_on
    inner join wanted_charges
        on
            claimed_daily_usage.subscription_id = wanted_charges.subscription_id
            and claimed_daily_usage.charge_id = wanted_charges.charge_id
)

select * from final
