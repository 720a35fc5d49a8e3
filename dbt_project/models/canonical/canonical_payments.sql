with

read_payments as (
    select * from {{ ref('stg_platform__payments') }}
),

delivered_payments as (
    select * from {{ ref('stg_finance__payments') }}
    where violation is null
),

invoices as (
    select * from {{ ref('canonical_documents') }}
    where document_type = 'invoice'
),

-- Who was paid into a bank account knows an invoice by its number, or by its key.
invoice_references as (
    select
        entity,
        number as reference,
        min(business_key) as invoice_key,
        count(*) as invoice_count
    from invoices
    where number is not null
    group by
        entity,
        number
    union all
    select
        entity,
        business_key as reference,
        business_key as invoice_key,
        1 as invoice_count
    from invoices
),

-- A read-back shows the payments of a whole account; a payment belongs to the entity whose invoice it pays, whoever issued that.
identified as (
    select
        'platform' as source,
        read_payments.remote_id as payment_id,
        read_payments.entity,
        invoices.business_key as invoice_key,
        read_payments.currency,
        read_payments.amount_minor,
        cast(null as bigint) as functional_minor,
        read_payments.paid_on,
        read_payments.status,
        read_payments.method,
        read_payments.payment_remote_id,
        cast(null as varchar) as hold_reason
    from read_payments
    inner join invoices
        on
            read_payments.entity = invoices.entity
            and read_payments.invoice_remote_id = invoices.remote_id
    union all
    select
        'delivery' as source,
        delivered_payments.payment_id,
        delivered_payments.entity,
        case when invoice_references.invoice_count = 1 then invoice_references.invoice_key end as invoice_key,
        delivered_payments.currency,
        delivered_payments.amount_minor,
        delivered_payments.functional_minor,
        delivered_payments.paid_on,
        delivered_payments.status,
        delivered_payments.method,
        cast(null as varchar) as payment_remote_id,
        case
            when invoice_references.invoice_key is null then 'unknown_invoice'
            when invoice_references.invoice_count > 1 then 'ambiguous_invoice'
        end as hold_reason
    from delivered_payments
    left join invoice_references
        on
            delivered_payments.entity = invoice_references.entity
            and delivered_payments.invoice = invoice_references.reference
),

final as (
    select
        {{ dbt.concat(["identified.source", "':'", "identified.payment_id"]) }} as payment_key,
        identified.source,
        identified.payment_id,
        identified.entity,
        identified.invoice_key,
        invoices.number as invoice_number,
        invoices.issued_by as invoice_issued_by,
        invoices.customer_id,
        identified.currency,
        identified.amount_minor,
        identified.functional_minor,
        identified.paid_on,
        identified.status,
        identified.method,
        identified.payment_remote_id,
        identified.hold_reason
    from identified
    left join invoices on identified.invoice_key = invoices.business_key
)

select * from final
