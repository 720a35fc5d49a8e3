-- question: Where does this posting come from?
-- grain: one row per journal line of the entry, with the document line behind it; debits and credits add up to zero
-- parameter posting, required: number of the entry in the ERP, its reference, its natural id, or the key of one of its lines
with

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

documents as (
    select * from {{ ref('canonical_documents') }}
),

document_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

final as (
    select
        general_ledger.entity,
        general_ledger.erp_number,
        general_ledger.entry_reference,
        general_ledger.event,
        general_ledger.posting_date,
        general_ledger.account,
        general_ledger.account_name,
        general_ledger.currency,
        general_ledger.signed_minor as amount_minor,
        general_ledger.functional_currency,
        general_ledger.signed_functional_minor as functional_amount_minor,
        general_ledger.customer_id,
        documents.number as source_number,
        general_ledger.source_document,
        document_lines.description as source_line,
        document_lines.service_period_start,
        document_lines.service_period_end,
        general_ledger.state,
        general_ledger.line_key
    from general_ledger
    left join documents on general_ledger.source_document = documents.business_key
    left join document_lines on general_ledger.source_line_key = document_lines.document_line_key
    where {{ parameter('posting') }} in (general_ledger.erp_number, general_ledger.entry_reference, general_ledger.natural_id, general_ledger.line_key)
)

select * from final
order by entity, erp_number, line_key
