-- Cents that a settled invoice leaves behind in the functional currency belong to nobody and are found by nobody.
with

documents as (
    select * from {{ ref('canonical_documents') }}
),

receivable_lines as (
    select
        journal_lines.entity,
        documents.invoice_key,
        journal_lines.currency,
        sum(journal_lines.signed_minor) as receivable_minor,
        sum(case when journal_lines.side = 'debit' then journal_lines.functional_minor else -journal_lines.functional_minor end)
            as functional_receivable_minor
    from {{ ref('journal_lines') }} as journal_lines
    inner join {{ ref('receivable_valuations') }} as valuations
        on
            journal_lines.entity = valuations.entity
            and journal_lines.natural_id = valuations.natural_id
    inner join documents on journal_lines.source_document = documents.business_key
    where {{ is_leg('receivable', 'journal_lines') }} or {{ is_leg('opened', 'journal_lines') }}
    group by
        journal_lines.entity,
        documents.invoice_key,
        journal_lines.currency
)

select *
from receivable_lines
where
    receivable_minor = 0
    and functional_receivable_minor <> 0
