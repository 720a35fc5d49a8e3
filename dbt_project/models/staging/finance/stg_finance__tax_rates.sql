with

delivered as (
    select * from {{ ref('stg_finance__delivered_tax_rates') }}
),

final as (
    select
        entity,
        country,
        tax_code,
        tax_component,
        tax_rate,
        effective_from,
        effective_to
    from delivered
    where violation is null
)

select * from final
