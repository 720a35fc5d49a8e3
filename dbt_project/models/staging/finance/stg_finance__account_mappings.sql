with

latest as (
    {{ latest_landed(source('raw_finance', 'account_mappings'), ['mapping_id']) }}
),

final as (
    select
        mapping_id,
        entity_id as entity,
        role as posting_role,
        coalesce({{ blank_to_null('product') }}, '*') as product,
        account_code,
        {{ safe_cast_to('effective_from', 'date') }} as effective_from
    from latest
)

select * from final
where effective_from is not null
