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

merged_claimants as (
    select * from {{ ref('merged_claimants') }}
),

merged_customers as (
    select * from {{ ref('stg_crm__merged_customers') }}
),

stable_keys as (
    select * from {{ ref('stg_crm__stable_keys') }}
    where kind = 'dimension'
),

{%- set charge_columns %}
        subscription_charges.meter,
        subscription_charges.subscription_id,
        subscription_charges.subscription_version,
        subscription_charges.plan_id,
        subscription_charges.charge_id,
        subscription_charges.grouped_by,
        subscription_charges.ends_on
{%- endset %}

-- A customer's usage is its subscriptions' to claim, and since a merge those of whom it was merged with, too.
possible_claims as (
    select
        subscription_charges.customer_id,
        subscription_charges.customer_id as claimant_customer_id,
        subscription_charges.starts_on,
        subscription_charges.starts_on as claims_from,
        0 as distance, {{ charge_columns }}
    from subscription_charges
    union all
    select
        merged_claimants.customer_id,
        merged_claimants.claimant_customer_id,
        subscription_charges.starts_on,
        greatest(subscription_charges.starts_on, merged_claimants.effective_from) as claims_from,
        1 as distance, {{ charge_columns }}
    from merged_claimants
    inner join subscription_charges on merged_claimants.claimant_customer_id = subscription_charges.customer_id
),

claimable as (
    select
        possible_claims.*,
        count(*) over (partition by customer_id, meter) as claimant_count
    from possible_claims
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

contested_meters as (
    select distinct
        customer_id,
        meter
    from claimable
    where claimant_count > 1
),

-- Most usage has one charge that can claim it.
uncontested as (
    select
        daily_usage.*,
        claimable.claimant_customer_id,
        claimable.subscription_id,
        claimable.plan_id,
        claimable.ends_on,
        claimable.charge_id,
        claimable.grouped_by
    from daily_usage
    left join contested_meters
        on
            daily_usage.customer_id = contested_meters.customer_id
            and daily_usage.meter = contested_meters.meter
    left join claimable
        on
            daily_usage.customer_id = claimable.customer_id
            and daily_usage.meter = claimable.meter
            and daily_usage.occurred_on >= claimable.claims_from
            and (daily_usage.occurred_on < claimable.ends_on or claimable.ends_on is null)
    where contested_meters.meter is null
),

-- One day's usage belongs to one subscription: where two could claim it, the customer's own goes first, then the one that started last.
contested as (
    select
        daily_usage.*,
        claimable.claimant_customer_id,
        claimable.subscription_id,
        claimable.plan_id,
        claimable.ends_on,
        claimable.charge_id,
        claimable.grouped_by,
        row_number() over (
            partition by daily_usage.customer_id, daily_usage.meter, daily_usage.dimensions, daily_usage.occurred_on
            order by
                claimable.distance asc nulls last,
                claimable.starts_on desc nulls last,
                claimable.subscription_id asc,
                claimable.subscription_version desc,
                claimable.charge_id asc
        ) as claim_rank
    from daily_usage
    inner join contested_meters
        on
            daily_usage.customer_id = contested_meters.customer_id
            and daily_usage.meter = contested_meters.meter
    left join claimable
        on
            daily_usage.customer_id = claimable.customer_id
            and daily_usage.meter = claimable.meter
            and daily_usage.occurred_on >= claimable.claims_from
            and (daily_usage.occurred_on < claimable.ends_on or claimable.ends_on is null)
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
        claimant_customer_id,
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

grouped as (
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

-- Charged is whom the customer has become by the end of the period. What no subscription claims has no period but its day.
claimed as (
    select
        grouped.*,
        coalesce(merged_customers.survivor_id, grouped.claimant_customer_id, grouped.customer_id) as charged_customer_id,
        coalesce(stable_keys.stable_dimensions, grouped.charged_dimensions) as key_dimensions
    from grouped
    left join merged_customers
        on
            coalesce(grouped.claimant_customer_id, grouped.customer_id) = merged_customers.customer_id
            and {{ stands_at_end('merged_customers', "case when grouped.subscription_id is null then " ~ add_days('grouped.occurred_on', 1) ~ " else grouped.service_period_end end") }}
    left join stable_keys
        on
            grouped.charge_id = stable_keys.charge_id
            and grouped.charged_dimensions = stable_keys.dimensions
),

final as (
    select
        {{ usage_key("coalesce(subscription_id, 'unsubscribed:' || charged_customer_id)", "coalesce(charge_id, 'uncharged:' || meter)", 'service_period_start', 'key_dimensions') }} as usage_key,
        customer_id,
        charged_customer_id,
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
