-- History that changes underneath a closed period is found the next time anything runs.
with

latest_status as (
    {{ latest_period_statuses(source('register_closing', 'periods')) }}
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
