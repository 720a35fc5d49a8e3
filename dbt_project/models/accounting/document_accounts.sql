with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

openings as (
    select * from {{ ref('stg_register_issued__openings') }}
    where opening = 'open_item'
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
    union all
    select
        business_key,
        account as receivable_account,
        rounding_account,
        cast(null as varchar) as receivable_dimensions,
        cast(null as varchar) as rounding_dimensions
    from openings
)

select * from final
