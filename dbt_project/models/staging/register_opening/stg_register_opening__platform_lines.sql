{#- Lines of the platform's invoices that are in sealed journals: what the register knows of them. -#}
with

documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where state <> 'cancelled'
),

our_documents as (
    select business_key from documents
    where document_type in ('invoice', 'credit_memo')
),

journals as (
    select
        documents.document_position,
        {{ json_record('documents.payload', ['source_document'], ['source_line_key']) }} as record
    from documents
    where
        documents.document_type = 'journal_entry'
        and documents.cause = 'invoice_issued'
        and {{ matches('documents.natural_id', '^invoice:in_') }}
),

elements as (
    select
        document_position,
        {{ record_member('record', 'source_document') }} as source_document,
        {{ record_lines('record') }} as line
    from journals
),

final as (
    select distinct
        split_part({{ record_member('line', 'source_line_key') }}, '@', 1) as line_key
    from elements
    left join our_documents on elements.source_document = our_documents.business_key
    where
        our_documents.business_key is null
        and {{ record_member('line', 'source_line_key') }} is not null
)

select * from final
