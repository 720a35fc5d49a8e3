with

latest as (
    {{ latest_landed(source('raw_crm', 'customers'), ['customer_id']) }}
),

final as (
    select
        customer_id,
        {{ blank_to_null('name') }} as customer_name,
        {{ blank_to_null('email') }} as email,
        {{ blank_to_null('country') }} as country,
        {{ blank_to_null('entity_id') }} as entity,
        upper({{ blank_to_null('currency') }}) as currency,
        coalesce({{ blank_to_null('time_zone') }}, 'UTC') as time_zone,
        {{ blank_to_null('tax_id') }} as tax_id,
        coalesce({{ safe_cast_to(blank_to_null('payment_term_days'), 'integer') }}, 30) as payment_term_days,
        {{ blank_to_null('parent_customer_id') }} as parent_customer_id,
        file_name,
        line_number
    from latest
)

select * from final
