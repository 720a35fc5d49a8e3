with

credit_applications as (
    select * from {{ ref('stg_register_closing__credit_applications') }}
),

final as (
    select
        document_position,
        business_key,
        document_type,
        coalesce(invoice_key, business_key) as invoice_key,
        number,
        document_date,
        entity,
        period,
        currency,
        customer_id,
        grant_id,
        kind,
        account,
        amount_minor
    from credit_applications
)

select * from final
