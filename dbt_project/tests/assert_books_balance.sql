-- What is posted in the primary book alone is J01 and J02 of the journals.
select
    book,
    entity,
    natural_id,
    currency,
    sum(signed_minor) as difference_minor,
    sum(signed_functional_minor) as functional_difference_minor
from {{ ref('book_lines') }}
where book <> '{{ primary_book() }}'
group by
    book,
    entity,
    natural_id,
    currency
having
    sum(signed_minor) <> 0
    or sum(signed_functional_minor) <> 0
