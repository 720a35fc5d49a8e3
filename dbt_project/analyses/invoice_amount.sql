-- question: Why is this invoice this amount?
-- grain: one row per line of the document; net and tax add up to its total
-- parameter invoice, required: number of the invoice or credit memo, such as INV-NORTHLIGHT_US-000204
with

documents as (
    select * from {{ ref('canonical_documents') }}
),

document_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

-- What was billed by the platform says neither quantity nor price version.
billing_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

final as (
    select
        documents.number,
        document_lines.document_line_key,
        document_lines.kind,
        document_lines.description,
        document_lines.service_period_start,
        document_lines.service_period_end,
        billing_lines.quantity,
        billing_lines.event_count,
        billing_lines.price_version,
        document_lines.currency,
        document_lines.amount_minor as net_minor,
        document_lines.tax_rate,
        document_lines.tax_minor,
        document_lines.amount_minor + document_lines.tax_minor as gross_minor,
        document_lines.corrects_line_key
    from documents
    inner join document_lines on documents.business_key = document_lines.business_key
    left join billing_lines on document_lines.document_line_key = billing_lines.document_line_key
    where documents.number = {{ parameter('invoice') }}
)

select * from final
order by document_line_key
