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
        min(rounding_account) as rounding_account
    from billing_lines
    group by business_key
    union all
    select
        business_key,
        account as receivable_account,
        rounding_account
    from openings
)

select * from final
