with

latest as (
    {{ latest_landed(source('raw_crm', 'legal_entities'), ['entity_id']) }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

final as (
    select
        latest.entity_id as entity,
        latest.name as entity_name,
        latest.country,
        latest.functional_currency,
        currencies.exponent as functional_exponent,
        currencies.minor_units as functional_minor_units,
        coalesce({{ safe_cast_to(blank_to_null('latest.cutover_on'), 'date') }}, cast('1970-01-01' as date)) as cutover_on,
        case when lower(latest.tax_rounding) = 'line' then 'line' else 'group' end as tax_rounding
    from latest
    inner join currencies on latest.functional_currency = currencies.currency
)

select * from final
