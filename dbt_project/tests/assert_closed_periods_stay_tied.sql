-- History that changes underneath a closed period is found the next time anything runs.
with

latest_status as (
    select
        ranked.entity,
        ranked.period,
        ranked.status
    from (
        select
            periods.*,
            row_number() over (partition by entity, period order by position desc) as recency
        from {{ source('register_closing', 'periods') }} as periods
    ) as ranked
    where ranked.recency = 1
),

closed as (
    select distinct
        entity,
        period
    from latest_status
    where status <> 'open'
)

select
    checkpoints.checkpoint,
    checkpoints.entity,
    checkpoints.period,
    checkpoints.measure,
    checkpoints.unit,
    checkpoints.difference,
    checkpoints.break_count
from {{ ref('checkpoints') }} as checkpoints
inner join closed
    on
        checkpoints.period = closed.period
        and (checkpoints.entity = closed.entity or checkpoints.entity = '*')
where checkpoints.status <> 'tied'
