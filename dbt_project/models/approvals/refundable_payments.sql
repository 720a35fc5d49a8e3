with

-- Nothing is read of an invoice of which nobody wants money back.
asked as (
    select distinct subject as invoice_key
    from {{ ref('stg_register_opening__approval_requests') }}
    where
        disposition = 'refund'
        and status = 'approved'
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where state <> 'cancelled'
),

journal_entries as (
    select * from {{ ref('stg_register_opening__journal_entries') }}
),

returned_payments as (
    select * from {{ ref('stg_finance__payments') }}
    where
        violation is null
        and status <> 'paid'
),

invoices as (
    select
        issued_documents.business_key as invoice_key,
        issued_documents.entity,
        issued_documents.natural_id,
        issued_documents.total_minor - coalesce(cast({{ json_text('issued_documents.payload', 'applied_credit_minor') }} as bigint), 0) as due_minor
    from issued_documents
    inner join asked on issued_documents.business_key = asked.invoice_key
    where issued_documents.document_type = 'invoice'
),

received as (
    select
        entity,
        natural_id,
        source_document as invoice_key,
        payment_method,
        strpos(natural_id, ':paid:platform:') > 0 as is_at_platform,
        debit_minor as total_minor
    from journal_entries
    where event = 'payment_received'
),

-- What was posted stays posted; money that went back since is not there to be refunded.
standing as (
    select
        received.invoice_key,
        {{ sum_whole('received.total_minor') }} as paid_minor,
        {{ sum_whole('case when received.is_at_platform then received.total_minor else 0 end') }} as paid_at_platform_minor,
        {{ sum_whole(
            "case when received.is_at_platform and received.payment_method in ('payment_intent', 'charge') then received.total_minor else 0 end"
        ) }} as charged_minor
    from received
    inner join invoices on received.invoice_key = invoices.invoice_key
    left join returned_payments
        on
            received.entity = returned_payments.entity
            and received.natural_id = {{ dbt.concat(["'invoice:'", "invoices.natural_id", "':paid:delivery:'", "returned_payments.payment_id"]) }}
    where returned_payments.payment_id is null
    group by received.invoice_key
),

memos as (
    select
        {{ json_text('payload', 'invoice_key') }} as invoice_key,
        coalesce({{ json_text('payload', 'disposition') }}, 'offset') as disposition,
        total_minor,
        coalesce(cast({{ json_text('payload', 'restored_credit_minor') }} as bigint), 0) as restored_minor,
        coalesce(cast({{ json_text('payload', 'refund_amount_minor') }} as bigint), 0) as refund_amount_minor,
        coalesce(cast({{ json_text('payload', 'out_of_band_amount_minor') }} as bigint), 0) as out_of_band_amount_minor
    from issued_documents
    where document_type = 'credit_memo'
),

credited as (
    select
        invoice_key,
        {{ sum_whole("case when disposition = 'refund' then total_minor else 0 end") }} as refunded_minor,
        {{ sum_whole("case when disposition = 'offset' then total_minor - restored_minor else 0 end") }} as offset_minor,
        {{ sum_whole('refund_amount_minor') }} as refund_amount_minor,
        {{ sum_whole('out_of_band_amount_minor') }} as out_of_band_amount_minor
    from memos
    group by invoice_key
),

final as (
    select
        invoices.invoice_key,
        invoices.entity,
        standing.paid_minor,
        coalesce(credited.refunded_minor, 0) as refunded_minor,
        standing.paid_minor - coalesce(credited.refunded_minor, 0) as refundable_minor,
        greatest(standing.charged_minor - coalesce(credited.refund_amount_minor, 0), 0) as charge_refundable_minor,
        greatest(
            standing.paid_at_platform_minor - standing.charged_minor - coalesce(credited.out_of_band_amount_minor, 0), 0
        ) as recorded_refundable_minor,
        -- The platform takes a credit note off what it has due first, and refunds nothing of an invoice that is open there.
        case
            when standing.paid_at_platform_minor > 0
                then greatest(invoices.due_minor - coalesce(credited.offset_minor, 0) - standing.paid_at_platform_minor, 0)
            else 0
        end as platform_due_minor
    from invoices
    inner join standing on invoices.invoice_key = standing.invoice_key
    left join credited on invoices.invoice_key = credited.invoice_key
)

select * from final
