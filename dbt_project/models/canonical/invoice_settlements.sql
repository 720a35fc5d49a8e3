with

documents as (
    select * from {{ ref('canonical_documents') }}
),

payments as (
    select * from {{ ref('canonical_payments') }}
    where
        status = 'paid'
        -- The platform tells the payments of its own invoices; what is delivered of them waits until it does.
        and (source = 'platform' or invoice_issued_by <> 'platform')
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
),

billed as (
    select
        invoice_key,
        {{ sum_whole("case when document_type = 'invoice' then total_minor else 0 end") }} as invoiced_minor,
        {{ sum_whole("case when document_type = 'credit_memo' then total_minor else 0 end") }} as credited_minor,
        {{ sum_whole("case when document_type = 'credit_memo' and disposition = 'refund' then -total_minor else 0 end") }} as refunded_minor
    from documents
    group by invoice_key
),

paid as (
    select
        invoice_key,
        currency,
        {{ sum_whole('amount_minor') }} as paid_minor
    from payments
    group by
        invoice_key,
        currency
),

settled as (
    select
        coalesce(invoice_key, business_key) as invoice_key,
        {{ sum_whole('amount_minor') }} as settled_minor
    from credit_applications
    group by coalesce(invoice_key, business_key)
),

final as (
    select
        documents.business_key as invoice_key,
        documents.entity,
        documents.issued_by,
        documents.number,
        documents.customer_id,
        documents.period,
        documents.currency,
        billed.invoiced_minor,
        billed.credited_minor,
        coalesce(settled.settled_minor, 0) as settled_minor,
        coalesce(paid.paid_minor, 0) as paid_minor,
        billed.refunded_minor,
        billed.invoiced_minor + billed.credited_minor - coalesce(settled.settled_minor, 0)
        - coalesce(paid.paid_minor, 0) + billed.refunded_minor as due_minor
    from documents
    inner join billed on documents.business_key = billed.invoice_key
    left join paid
        on
            documents.business_key = paid.invoice_key
            and documents.currency = paid.currency
    left join settled on documents.business_key = settled.invoice_key
    where documents.document_type = 'invoice'
)

select * from final
