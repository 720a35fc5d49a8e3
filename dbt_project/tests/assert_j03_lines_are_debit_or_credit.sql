-- A zero line says nothing, a one-line entry cannot balance, and a side that is neither is lost in every sum.
select
    journal_lines.natural_id,
    journal_lines.line_key
from {{ ref('journal_lines') }} as journal_lines
inner join {{ ref('journal_entries') }} as journal_entries
    on
        journal_lines.natural_id = journal_entries.natural_id
        and journal_lines.entity = journal_entries.entity
where
    journal_lines.side not in ('debit', 'credit')
    or journal_lines.amount_minor < 0
    or journal_lines.functional_minor < 0
    or (journal_lines.amount_minor = 0 and journal_lines.functional_minor = 0)
    or journal_entries.line_count < 2
