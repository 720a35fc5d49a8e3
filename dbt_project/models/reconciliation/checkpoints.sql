with

comparisons as (
    select * from {{ ref('checkpoint_comparisons') }}
),

catalogue as (
    select * from {{ ref('checkpoint_catalogue') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

-- A checkpoint with nothing to compare still has its row, so that an absent one is never taken for a tied one.
periods as (
    select distinct period from comparisons
),

spine as (
    select
        catalogue.checkpoint,
        catalogue.title,
        catalogue.left_side,
        catalogue.right_side,
        catalogue.owner,
        entities.entity,
        periods.period
    from catalogue
    cross join periods
    cross join entities
    where catalogue.checkpoint not in ('K0', 'K1')
    union all
    select
        catalogue.checkpoint,
        catalogue.title,
        catalogue.left_side,
        catalogue.right_side,
        catalogue.owner,
        '*' as entity,
        periods.period
    from catalogue
    cross join periods
    where catalogue.checkpoint in ('K0', 'K1')
),

totals as (
    select
        checkpoint,
        entity,
        period,
        measure,
        unit,
        count(left_value) as left_count,
        count(right_value) as right_count,
        sum(coalesce(left_value, 0)) as left_value,
        sum(coalesce(right_value, 0)) as right_value,
        sum(excused_value) as excused_value,
        {{ sum_whole('case when excused_value <> 0 then 1 else 0 end') }} as excused_count,
        sum(difference) as difference,
        {{ sum_whole('case when is_break then 1 else 0 end') }} as break_count
    from comparisons
    group by
        checkpoint,
        entity,
        period,
        measure,
        unit
),

final as (
    select
        coalesce(spine.checkpoint, totals.checkpoint) as checkpoint,
        spine.title,
        spine.left_side,
        spine.right_side,
        spine.owner,
        coalesce(spine.entity, totals.entity) as entity,
        coalesce(spine.period, totals.period) as period,
        coalesce(totals.measure, 'nothing to compare') as measure,
        coalesce(totals.unit, 'documents') as unit,
        coalesce(totals.left_count, 0) as left_count,
        coalesce(totals.right_count, 0) as right_count,
        coalesce(totals.left_value, 0) as left_value,
        coalesce(totals.right_value, 0) as right_value,
        coalesce(totals.excused_count, 0) as excused_count,
        coalesce(totals.excused_value, 0) as excused_value,
        coalesce(totals.difference, 0) as difference,
        coalesce(totals.break_count, 0) as break_count,
        case when coalesce(totals.break_count, 0) = 0 then 'tied' else 'broken' end as status
    from spine
    full outer join totals
        on
            spine.checkpoint = totals.checkpoint
            and spine.entity = totals.entity
            and spine.period = totals.period
)

select * from final
