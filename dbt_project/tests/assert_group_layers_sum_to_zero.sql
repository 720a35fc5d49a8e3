-- Each layer of each entity, and so their sum.
select
    entity,
    period,
    layer,
    sum(amount_minor) as difference_minor
from {{ ref('group_trial_balance') }}
group by
    entity,
    period,
    layer
having sum(amount_minor) <> 0
