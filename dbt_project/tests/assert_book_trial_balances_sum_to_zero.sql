-- The primary book is that of S08.
select
    book,
    entity,
    period,
    currency,
    sum(closing_minor) as difference_minor,
    sum(functional_closing_minor) as functional_difference_minor
from {{ ref('book_trial_balance') }}
where book <> '{{ primary_book() }}'
group by
    book,
    entity,
    period,
    currency
having
    sum(closing_minor) <> 0
    or sum(functional_closing_minor) <> 0
