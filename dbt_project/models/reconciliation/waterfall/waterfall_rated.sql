{{ config(materialized='view') }}

with

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

platform_rated_lines as (
    select * from {{ ref('platform_rated_lines') }}
),

rated_to_issued as (
    select * from {{ ref('k3_rated_to_issued') }}
),

rated_to_platform as (
    select * from {{ ref('k3_rated_to_platform') }}
),

compared as (
    select
        entity,
        period,
        unit,
        left_value
    from rated_to_issued
    union all
    select
        entity,
        period,
        unit,
        left_value
    from rated_to_platform
),

final as (
    select
        entity,
        {{ period_of('billing_month') }} as period,
        currency,
        case kind when 'usage' then 'usage' when 'commitment' then 'commitments' when 'adjustment' then 'commitments' else 'fees' end as step,
        coalesce(gross_minor, rated_minor) as amount_minor
    from line_deltas
    where rated_minor <> 0 or coalesce(gross_minor, 0) <> 0
    union all
    select
        entity,
        {{ period_of('billing_month') }} as period,
        currency,
        'discounts' as step,
        rated_minor - gross_minor as amount_minor
    from line_deltas
    where gross_minor <> rated_minor
    union all
    select
        entity,
        {{ period_of('billing_month') }} as period,
        currency,
        case kind when 'usage' then 'usage' when 'commitment' then 'commitments' when 'adjustment' then 'commitments' else 'fees' end as step,
        coalesce(amount_minor, 0) as amount_minor
    from platform_rated_lines
    where amount_minor <> 0
    union all
    select
        entity,
        period,
        unit as currency,
        'rated' as step,
        cast(left_value as bigint) as amount_minor
    from compared
    where left_value <> 0
)

select * from final
