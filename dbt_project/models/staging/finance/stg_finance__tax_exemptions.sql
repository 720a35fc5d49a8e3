with

latest as (
    {{ latest_landed(source('raw_finance', 'tax_exemptions'), ['exemption_id']) }}
),

typed as (
    select
        exemption_id,
        {{ blank_to_null('customer_id') }} as customer_id,
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('country') }} as country,
        {{ blank_to_null('tax_code') }} as tax_code,
        {{ blank_to_null('reason') }} as reason,
        {{ blank_to_null('certificate') }} as certificate,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        {{ safe_cast_to(blank_to_null('effective_to'), 'date') }} as effective_to,
        {{ blank_to_null('effective_to') }} is not null as has_end,
        file_name,
        line_number
    from latest
),

final as (
    select
        exemption_id,
        customer_id,
        entity,
        country,
        tax_code,
        reason,
        certificate,
        effective_from,
        effective_to,
        file_name,
        line_number,
        case
            when effective_from is null or (has_end and effective_to is null) then 'not_a_date'
            when effective_to <= effective_from then 'ends_before_it_starts'
            when customer_id is null then 'missing_customer'
            when reason is null or certificate is null then 'missing_certificate'
        end as violation
    from typed
)

select * from final
