{{ config(materialized='view') }}

with

invoice_lines as (
    select * from {{ ref('stg_register_opening__billing_lines') }}
    where document_type = 'invoice'
),

credit_memo_lines as (
    select * from {{ ref('stg_register_opening__billing_lines') }}
    where document_type = 'credit_memo'
),

credits as (
    select
        corrects_line_key as document_line_key,
        {{ sum_whole('amount_minor') }} as credited_minor,
        {{ sum_whole('tax_minor') }} as credited_tax_minor,
        {{ sum_whole('case when counts_as_issued then amount_minor else 0 end') }} as counted_minor,
        {{ sum_whole('case when counts_as_issued then tax_minor else 0 end') }} as counted_tax_minor
    from credit_memo_lines
    group by corrects_line_key
),

final as (
    select
        invoice_lines.*,
        -- What rating subtracts, and what is left to be credited: a goodwill credit lowers the second only.
        case when invoice_lines.counts_as_issued then invoice_lines.amount_minor + coalesce(credits.counted_minor, 0) else 0 end as issued_minor,
        case when invoice_lines.counts_as_issued then invoice_lines.tax_minor + coalesce(credits.counted_tax_minor, 0) else 0 end as issued_tax_minor,
        invoice_lines.amount_minor + coalesce(credits.credited_minor, 0) as remaining_minor,
        invoice_lines.tax_minor + coalesce(credits.credited_tax_minor, 0) as remaining_tax_minor
    from invoice_lines
    left join credits on invoice_lines.document_line_key = credits.document_line_key
)

select * from final
