with

revenue_movements as (
    select * from {{ ref('revenue_movements') }}
),

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where document_type in ('invoice', 'opening')
),

unbilled_items as (
    select * from {{ ref('unbilled_items') }}
),

served as (
    select
        entity,
        customer_id,
        period
    from billing_lines
    union all
    select
        entity,
        customer_id,
        period
    from unbilled_items
),

cohorts as (
    select
        entity,
        customer_id,
        min(period) as cohort_period
    from served
    group by
        entity,
        customer_id
),

final as (
    select
        revenue_movements.entity,
        cohorts.cohort_period,
        revenue_movements.product,
        revenue_movements.period,
        revenue_movements.currency,
        cast(count(distinct revenue_movements.customer_id) as bigint) as customer_count,
        {{ sum_whole('revenue_movements.amount_minor') }} as revenue_minor
    from revenue_movements
    inner join cohorts
        on
            revenue_movements.entity = cohorts.entity
            and revenue_movements.customer_id = cohorts.customer_id
    group by
        revenue_movements.entity,
        cohorts.cohort_period,
        revenue_movements.product,
        revenue_movements.period,
        revenue_movements.currency
)

select * from final
