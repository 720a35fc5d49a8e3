with

invoice_lines as (
    {{ latest_read_back(source('read_backs', 'stripe_invoice_lines'), "system = 'stripe'") }}
),

credit_note_lines as (
    {{ latest_read_back(source('read_backs', 'stripe_credit_note_lines'), "system = 'stripe'") }}
),

final as (
    select
        entity,
        period,
        remote_id,
        line_key,
        amount_minor,
        tax_minor
    from invoice_lines
    union all
    select
        entity,
        period,
        remote_id,
        line_key,
        -amount_minor as amount_minor,
        -tax_minor as tax_minor
    from credit_note_lines
)

select * from final
