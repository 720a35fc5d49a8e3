with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

final as (
    select
        business_key,
        min(receivable_account) as receivable_account,
        min(rounding_account) as rounding_account,
        min({{ json_text('account_dimensions', 'receivable') }}) as receivable_dimensions,
        min({{ json_text('account_dimensions', 'rounding') }}) as rounding_dimensions
    from billing_lines
    group by business_key
)

select * from final
