-- question: What revenue did each customer bring in each month?
-- grain: one row per legal entity, customer, month of posting and currency
-- parameter entity, optional: legal entity (default: all)
-- parameter customer, optional: customer id (default: all)
-- parameter from_period, optional: first month, YYYY-MM (default: the first one posted)
-- parameter to_period, optional: last month, YYYY-MM (default: the last one posted)
with

revenue_movements as (
    select * from {{ ref('revenue_movements') }}
),

customers as (
    select
        customer_id,
        any_value(customer_name) as customer_name
    from {{ ref('stg_crm__customers') }}
    where violation is null
    group by customer_id
),

final as (
    select
        revenue_movements.entity,
        revenue_movements.customer_id,
        customers.customer_name,
        revenue_movements.period,
        revenue_movements.currency,
        cast(sum(revenue_movements.amount_minor) as bigint) as revenue_minor
    from revenue_movements
    left join customers on revenue_movements.customer_id = customers.customer_id
    where
        ({{ parameter('entity') }} is null or revenue_movements.entity = {{ parameter('entity') }})
        and ({{ parameter('customer') }} is null or revenue_movements.customer_id = {{ parameter('customer') }})
        and ({{ parameter('from_period') }} is null or revenue_movements.period >= {{ parameter('from_period') }})
        and ({{ parameter('to_period') }} is null or revenue_movements.period <= {{ parameter('to_period') }})
    group by all
)

select * from final
order by entity, customer_id, period, currency
