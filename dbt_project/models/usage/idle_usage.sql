with

subscription_charges as (
    select * from {{ ref('subscription_charges') }}
    where kind = 'usage'
),

price_versions as (
    select * from {{ ref('stg_billing__price_versions') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

period_usage as (
    select * from {{ ref('period_usage') }}
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

merged_customers as (
    select * from {{ ref('stg_crm__merged_customers') }}
),

stable_keys as (
    select * from {{ ref('stg_crm__stable_keys') }}
    where kind = 'dimension'
),

last_landed as (
    select {{ add_months('max(' ~ month_start('landed_on') ~ ')', 1) }} as ends_before
    from {{ ref('stg_product__landed_files') }}
),

-- Charges that cost something in a month without an event: a level that goes on, a flat fee or a minimum that is due anyway.
due_charges as (
    select distinct charge_id
    from price_versions
    where zero_usage_flat_fee or minimum_amount > 0
    union
    select distinct subscription_charges.charge_id
    from subscription_charges
    inner join meters on subscription_charges.meter = meters.meter
    where meters.aggregation in ('weighted_sum', 'prorated_sum')
),

served as (
    select
        subscription_charges.customer_id,
        subscription_charges.subscription_id,
        subscription_charges.plan_id,
        subscription_charges.charge_id,
        subscription_charges.meter,
        subscription_charges.starts_on,
        subscription_charges.ends_on,
        row_number() over (
            partition by subscription_charges.subscription_id, subscription_charges.charge_id
            order by subscription_charges.subscription_version desc
        ) as version_rank
    from subscription_charges
    inner join due_charges on subscription_charges.charge_id = due_charges.charge_id
),

periods as (
    select
        served.*,
        subscription_periods.period_start as service_period_start,
        subscription_periods.period_end as service_period_end
    from served
    cross join last_landed
    inner join subscription_periods
        on
            served.subscription_id = subscription_periods.subscription_id
            and served.plan_id = subscription_periods.plan_id
            and subscription_periods.period_start < last_landed.ends_before
            and subscription_periods.period_end > served.starts_on
            and (subscription_periods.period_start < served.ends_on or served.ends_on is null)
    where served.version_rank = 1
),

-- A group that has been used before goes on existing; a charge that groups nothing is one group.
known_groups as (
    select
        subscription_id,
        charge_id,
        charged_dimensions,
        min(service_period_start) as known_since
    from period_usage
    where subscription_id is not null
    group by
        subscription_id,
        charge_id,
        charged_dimensions
),

wanted as (
    select
        coalesce(merged_customers.survivor_id, periods.customer_id) as customer_id,
        periods.subscription_id,
        periods.charge_id,
        periods.meter,
        periods.service_period_start,
        periods.service_period_end,
        {{ month_start(add_days('least(periods.service_period_end, coalesce(periods.ends_on, periods.service_period_end))', -1)) }} as billing_month,
        coalesce(known_groups.charged_dimensions, '') as charged_dimensions
    from periods
    left join merged_customers
        on
            periods.customer_id = merged_customers.customer_id
            and {{ stands_at_end('merged_customers', 'periods.service_period_end') }}
    left join known_groups
        on
            periods.subscription_id = known_groups.subscription_id
            and periods.charge_id = known_groups.charge_id
            and (known_groups.charged_dimensions = '' or known_groups.known_since <= periods.service_period_start)
),

final as (
    select
        {{ usage_key('wanted.subscription_id', 'wanted.charge_id', 'wanted.service_period_start', 'coalesce(stable_keys.stable_dimensions, wanted.charged_dimensions)') }} as usage_key,
        wanted.customer_id,
        wanted.subscription_id,
        wanted.charge_id,
        wanted.meter,
        wanted.charged_dimensions,
        wanted.service_period_start,
        wanted.service_period_end,
        wanted.billing_month
    from wanted
    left join stable_keys
        on
            wanted.charge_id = stable_keys.charge_id
            and wanted.charged_dimensions = stable_keys.dimensions
    left join period_usage
        on
            wanted.subscription_id = period_usage.subscription_id
            and wanted.charge_id = period_usage.charge_id
            and wanted.charged_dimensions = period_usage.charged_dimensions
            and wanted.service_period_start = period_usage.service_period_start
    where period_usage.usage_key is null
)

select * from final
