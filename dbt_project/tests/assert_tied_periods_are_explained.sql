-- The checkpoints compare neighbours; that all of them tie must mean that the whole way does, or one of them overlooks something.
with

broken as (
    select distinct
        entity,
        period
    from {{ ref('checkpoints') }}
    where status <> 'tied'
)

select
    waterfall.entity,
    waterfall.period,
    waterfall.currency,
    waterfall.step,
    waterfall.amount_minor
from {{ ref('tie_out_waterfall') }} as waterfall
left join broken
    on
        waterfall.period = broken.period
        and (waterfall.entity = broken.entity or broken.entity = '*')
where
    waterfall.kind = 'unexplained'
    and waterfall.amount_minor <> 0
    and broken.period is null
