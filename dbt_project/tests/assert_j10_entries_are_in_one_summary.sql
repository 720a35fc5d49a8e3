-- An entry in two documents is in the ledger twice; a summary that is not the sum of its entries hides the difference for good.
with

journal_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
),

journal_entries as (
    select * from {{ ref('stg_register_closing__journal_entries') }}
),

posted_lines as (
    select * from {{ ref('stg_register_closing__posted_lines') }}
),

summed as (
    select
        document_position,
        posted_line_key,
        {{ sum_whole('amount_minor') }} as amount_minor,
        {{ sum_whole('functional_minor') }} as functional_minor
    from journal_lines
    group by
        document_position,
        posted_line_key
)

select
    entity,
    natural_id as subject,
    'documents' as measure,
    1 as expected,
    count(distinct document_position) as found
from journal_entries
where state <> 'rejected'
group by
    entity,
    natural_id
having count(distinct document_position) <> 1

union all

select
    posted_lines.entity,
    posted_lines.line_key as subject,
    'amount' as measure,
    posted_lines.amount_minor as expected,
    summed.amount_minor as found
from posted_lines
left join summed
    on
        posted_lines.document_position = summed.document_position
        and posted_lines.line_key = summed.posted_line_key
where
    posted_lines.amount_minor is distinct from summed.amount_minor
    or posted_lines.functional_minor is distinct from summed.functional_minor
