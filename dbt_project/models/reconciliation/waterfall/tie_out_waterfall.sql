with

measures as (
    select * from {{ ref('waterfall_measures') }}
),

steps as (
    select * from {{ ref('waterfall_steps') }}
),

keys as (
    select distinct
        entity,
        period,
        currency
    from measures
),

-- A stage that holds nothing is there with zero, and what is unexplained between two stages always is.
placed as (
    select
        keys.entity,
        keys.period,
        keys.currency,
        steps.step,
        steps.position,
        steps.leg,
        steps.kind,
        steps.title,
        coalesce(measures.amount_minor, 0) as amount_minor,
        coalesce(measures.item_count, 0) as item_count
    from keys
    cross join steps
    left join measures
        on
            keys.entity = measures.entity
            and keys.period = measures.period
            and keys.currency = measures.currency
            and steps.step = measures.step
    where
        steps.kind <> 'step'
        or measures.item_count > 0
),

-- What a leg reaches, less what it starts from and what explains it.
stages as (
    select
        entity,
        period,
        currency,
        leg,
        amount_minor,
        lag(amount_minor) over (
            partition by entity, period, currency
            order by leg asc
        ) as before_minor
    from placed
    where kind = 'stage'
),

explained as (
    select
        entity,
        period,
        currency,
        leg,
        {{ sum_whole('amount_minor') }} as amount_minor
    from placed
    where kind = 'step'
    group by
        entity,
        period,
        currency,
        leg
),

final as (
    select
        placed.entity,
        placed.period,
        placed.currency,
        placed.position,
        placed.step,
        placed.kind,
        placed.title,
        case
            when placed.kind = 'unexplained' then cast(stages.amount_minor - stages.before_minor - coalesce(explained.amount_minor, 0) as bigint)
            else placed.amount_minor
        end as amount_minor,
        placed.item_count
    from placed
    inner join stages
        on
            placed.entity = stages.entity
            and placed.period = stages.period
            and placed.currency = stages.currency
            and placed.leg = stages.leg
    left join explained
        on
            placed.entity = explained.entity
            and placed.period = explained.period
            and placed.currency = explained.currency
            and placed.leg = explained.leg
)

select * from final
