-- What is far above its norm is a mistake until two people have seen it. What is stopped is left out of the proposals; that nothing else is, is C03's to say.
select
    entity,
    subject,
    status,
    gross_minor
from {{ ref('run_gates') }}
where
    is_over_norm
    and status <> 'approved'
    and not is_stopped
    and {{ var('run_gates') }}
