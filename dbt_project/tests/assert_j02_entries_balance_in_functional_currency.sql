-- Converting line by line leaves a remainder; only an explicit, capped rounding line may carry it.
select
    natural_id,
    entity,
    functional_debit_minor as debit_minor,
    functional_credit_minor as credit_minor
from {{ ref('journal_entries') }}
where functional_debit_minor is distinct from functional_credit_minor

union all

select
    natural_id,
    entity,
    case when side = 'debit' then functional_minor else 0 end as debit_minor,
    case when side = 'credit' then functional_minor else 0 end as credit_minor
from {{ ref('journal_lines') }}
where
    is_rounding
    and functional_minor > {{ var('rounding_cap_minor') }}
