select
    entity,
    period,
    sum(closing_minor) as difference_minor
from {{ ref('trial_balance') }}
group by
    entity,
    period
having sum(closing_minor) <> 0
