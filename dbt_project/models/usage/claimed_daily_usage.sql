{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

daily_usage as (
    select * from {{ ref('daily_usage') }}
    where {{ touched_rows('claimed_daily_usage') }}
),

subscription_charges as (
    select
        charges.*,
        count(*) over (partition by customer_id, meter) as claimant_count
    from {{ ref('subscription_charges') }} as charges
    where kind = 'usage'
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

contested_meters as (
    select distinct
        customer_id,
        meter
    from subscription_charges
    where claimant_count > 1
),

-- Most usage has one charge that can claim it.
uncontested as (
    select
        daily_usage.*,
        subscription_charges.subscription_id,
        subscription_charges.plan_id,
        subscription_charges.ends_on,
        subscription_charges.charge_id,
        subscription_charges.grouped_by
    from daily_usage
    left join contested_meters
        on
            daily_usage.customer_id = contested_meters.customer_id
            and daily_usage.meter = contested_meters.meter
    left join subscription_charges
        on
            daily_usage.customer_id = subscription_charges.customer_id
            and daily_usage.meter = subscription_charges.meter
            and daily_usage.occurred_on >= subscription_charges.starts_on
            and (daily_usage.occurred_on < subscription_charges.ends_on or subscription_charges.ends_on is null)
    where contested_meters.meter is null
),

-- One day's usage belongs to one subscription: where two could claim it, the one that started last does.
contested as (
    select
        daily_usage.*,
        subscription_charges.subscription_id,
        subscription_charges.plan_id,
        subscription_charges.ends_on,
        subscription_charges.charge_id,
        subscription_charges.grouped_by,
        row_number() over (
            partition by daily_usage.customer_id, daily_usage.meter, daily_usage.dimensions, daily_usage.occurred_on
            order by
                subscription_charges.starts_on desc nulls last,
                subscription_charges.subscription_id asc,
                subscription_charges.subscription_version desc,
                subscription_charges.charge_id asc
        ) as claim_rank
    from daily_usage
    inner join contested_meters
        on
            daily_usage.customer_id = contested_meters.customer_id
            and daily_usage.meter = contested_meters.meter
    left join subscription_charges
        on
            daily_usage.customer_id = subscription_charges.customer_id
            and daily_usage.meter = subscription_charges.meter
            and daily_usage.occurred_on >= subscription_charges.starts_on
            and (daily_usage.occurred_on < subscription_charges.ends_on or subscription_charges.ends_on is null)
),

{%- set columns %}
        customer_id,
        meter,
        dimensions,
        occurred_on,
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
        fingerprint,
        subscription_id,
        plan_id,
        ends_on,
        charge_id,
        grouped_by
{%- endset %}

claims as (
    select {{ columns }}
    from uncontested
    union all
    select {{ columns }}
    from contested
    where claim_rank = 1
),

claimed as (
    select
        claims.*,
        case
            when claims.grouped_by is null or claims.dimensions = '' then ''
            else coalesce({{ chosen_members('claims.dimensions', 'claims.grouped_by') }}, '')
        end as charged_dimensions,
        coalesce(subscription_periods.period_start, {{ month_start('claims.occurred_on') }}) as service_period_start,
        coalesce(subscription_periods.period_end, {{ add_months(month_start('claims.occurred_on'), 1) }}) as service_period_end
    from claims
    left join subscription_periods
        on
            claims.subscription_id = subscription_periods.subscription_id
            and claims.plan_id = subscription_periods.plan_id
            and claims.occurred_on >= subscription_periods.period_start
            and claims.occurred_on < subscription_periods.period_end
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
        {{ month_start(add_days('least(service_period_end, coalesce(ends_on, service_period_end))', -1)) }} as billing_month,
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
