with

latest as (
    {{ latest_landed(source('raw_finance', 'accounts'), ['entity_id', 'account_code']) }}
),

final as (
    select
        entity_id as entity,
        account_code,
        name as account_name,
        account_type,
        lower(is_receivable) in ('true', 't', '1', 'yes') as is_receivable
    from latest
)

select * from final
