with

latest as (
    {{ latest_landed(source('raw_finance', 'tax_rates'), ['entity_id', 'country', 'tax_code', 'tax_component', 'effective_from']) }}
),

final as (
    select
        entity_id as entity,
        country,
        tax_code,
        coalesce({{ blank_to_null('tax_component') }}, 'tax') as tax_component,
        {{ safe_cast_to('rate', rate_type()) }} as tax_rate,
        {{ safe_cast_to('effective_from', 'date') }} as effective_from,
        {{ safe_cast_to(blank_to_null('effective_to'), 'date') }} as effective_to
    from latest
)

select * from final
where tax_rate is not null and effective_from is not null
