with

invoices as (
    {{ latest_read_back(source('read_backs', 'stripe_invoices'), "system = 'stripe'") }}
),

credit_notes as (
    {{ latest_read_back(source('read_backs', 'stripe_credit_notes'), "system = 'stripe'") }}
),

final as (
    select
        entity,
        period,
        'invoice' as document_type,
        remote_id,
        reference,
        number,
        status,
        currency,
        document_date,
        subtotal_minor,
        tax_minor,
        total_minor,
        amount_due_minor
    from invoices
    union all
    select
        entity,
        period,
        'credit_memo' as document_type,
        remote_id,
        reference,
        number,
        status,
        currency,
        document_date,
        -subtotal_minor as subtotal_minor,
        -tax_minor as tax_minor,
        -total_minor as total_minor,
        cast(null as bigint) as amount_due_minor
    from credit_notes
)

select * from final
