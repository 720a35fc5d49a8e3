with

payments as (
    select * from {{ ref('stg_platform__payments') }}
    where status = 'paid'
),

invoices as (
    select * from {{ ref('canonical_documents') }}
    where document_type = 'invoice'
),

-- A payment belongs to the entity whose invoice it pays, whoever issued that.
final as (
    select
        payments.remote_id as payment_id,
        payments.entity,
        invoices.business_key as invoice_key,
        invoices.number as invoice_number,
        invoices.issued_by as invoice_issued_by,
        invoices.customer_id,
        payments.currency,
        payments.amount_minor,
        payments.paid_on,
        payments.method,
        payments.payment_remote_id
    from payments
    inner join invoices
        on
            payments.entity = invoices.entity
            and payments.invoice_remote_id = invoices.remote_id
)

select * from final
