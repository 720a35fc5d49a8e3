with

usage_events as (
    select * from {{ ref('usage_events') }}
),

rated_lines as (
    select * from {{ ref('rated_lines') }}
    where kind = 'usage'
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
),

-- Counted from the events; what was claimed only tells in which service period a day lies.
kept_days as (
    select
        customer_id,
        meter,
        dimensions,
        occurred_on,
        sum(quantity) as quantity
    from usage_events
    group by
        customer_id,
        meter,
        dimensions,
        occurred_on
),

kept as (
    select
        coalesce(entities.entity, 'unassigned') as entity,
        {{ period_of("coalesce(claimed_daily_usage.service_period_start, kept_days.occurred_on)") }} as period,
        'quantity' as measure,
        kept_days.meter as unit,
        coalesce(claimed_daily_usage.charged_customer_id, kept_days.customer_id) as subject,
        sum(kept_days.quantity) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from kept_days
    inner join customers on kept_days.customer_id = customers.customer_id
    left join entities on customers.entity = entities.entity
    left join claimed_daily_usage
        on
            kept_days.customer_id = claimed_daily_usage.customer_id
            and kept_days.meter = claimed_daily_usage.meter
            and kept_days.dimensions = claimed_daily_usage.dimensions
            and kept_days.occurred_on = claimed_daily_usage.occurred_on
    group by
        coalesce(entities.entity, 'unassigned'),
        {{ period_of("coalesce(claimed_daily_usage.service_period_start, kept_days.occurred_on)") }},
        kept_days.meter,
        coalesce(claimed_daily_usage.charged_customer_id, kept_days.customer_id)
),

rated as (
    select
        entity,
        {{ period_of('service_period_start') }} as period,
        'quantity' as measure,
        meter as unit,
        customer_id as subject,
        sum(kept_quantity) as compared_value
    from rated_lines
    group by
        entity,
        {{ period_of('service_period_start') }},
        meter,
        customer_id
),

final as (
    {{ comparison('kept', 'rated', 'K2') }}
)

select * from final
