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

kept as (
    select
        coalesce(entities.entity, 'unassigned') as entity,
        {{ period_of('usage_events.service_month') }} as period,
        'quantity' as measure,
        usage_events.meter as unit,
        usage_events.customer_id as subject,
        sum(usage_events.quantity) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from usage_events
    inner join customers on usage_events.customer_id = customers.customer_id
    left join entities on customers.entity = entities.entity
    group by
        coalesce(entities.entity, 'unassigned'),
        usage_events.service_month,
        usage_events.meter,
        usage_events.customer_id
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
        service_period_start,
        meter,
        customer_id
),

final as (
    {{ comparison('kept', 'rated', 'K2') }}
)

select * from final
