with

rated as (
    select * from {{ ref('waterfall_rated') }}
),

invoiced as (
    select * from {{ ref('waterfall_invoiced') }}
),

posted as (
    select * from {{ ref('waterfall_posted') }}
),

ledger as (
    select * from {{ ref('waterfall_ledger') }}
),

measured as (
    select * from rated
    union all
    select * from invoiced
    union all
    select * from posted
    union all
    select * from ledger
),

final as (
    select
        entity,
        period,
        currency,
        step,
        {{ sum_whole('amount_minor') }} as amount_minor,
        count(*) as item_count
    from measured
    group by
        entity,
        period,
        currency,
        step
)

select * from final
