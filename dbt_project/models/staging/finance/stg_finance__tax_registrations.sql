with

latest as (
    {{ latest_landed(source('raw_finance', 'tax_registrations'), ['registration_id']) }}
),

typed as (
    select
        registration_id,
        {{ blank_to_null('customer_id') }} as customer_id,
        -- As the landing checked it, never as it was delivered.
        checked_tax_id as tax_id,
        checked_country as country,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        {{ safe_cast_to(blank_to_null('effective_to'), 'date') }} as effective_to,
        {{ blank_to_null('effective_to') }} is not null as has_end,
        tax_id_violation,
        file_name,
        line_number
    from latest
),

final as (
    select
        registration_id,
        customer_id,
        tax_id,
        country,
        effective_from,
        effective_to,
        file_name,
        line_number,
        case
            when tax_id_violation is not null then tax_id_violation
            when tax_id is null or country is null then 'unchecked_tax_id'
            when effective_from is null or (has_end and effective_to is null) then 'not_a_date'
            when effective_to <= effective_from then 'ends_before_it_starts'
            when customer_id is null then 'missing_customer'
        end as violation
    from typed
)

select * from final
