{#- Lines of the platform's invoices that are in sealed journals: what the register knows of them. -#}
with

lines as (
    select * from {{ source('register_opening', 'journal_lines') }}
    where source_line_key is not null
),

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
        document_position,
        natural_id
    from {{ ref('stg_register_opening__journal_entries') }}
    where
        event = 'invoice_issued'
        and {{ matches('natural_id', '^invoice:in_') }}
),

final as (
    select distinct split_part(lines.source_line_key, '@', 1) as line_key
    from lines
    inner join journals
        on
            lines.document_position = journals.document_position
            and coalesce(lines.natural_id, journals.natural_id) = journals.natural_id
    left join our_documents on lines.source_document = our_documents.business_key
    where our_documents.business_key is null
)

select * from final
