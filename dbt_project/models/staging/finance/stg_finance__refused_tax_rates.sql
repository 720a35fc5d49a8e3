with

tax_rates as (
    select * from {{ ref('stg_finance__delivered_tax_rates') }}
    where violation is not null
),

tax_exemptions as (
    select * from {{ ref('stg_finance__tax_exemptions') }}
    where violation is not null
),

tax_registrations as (
    select * from {{ ref('stg_finance__tax_registrations') }}
    where violation is not null
),

legal_entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
    where violation is not null
),

final as (
    select
        'tax_rates' as relation,
        entity,
        country,
        tax_code,
        cast(null as varchar) as customer_id,
        effective_from,
        effective_to,
        file_name,
        line_number,
        violation
    from tax_rates
    union all
    select
        'tax_exemptions' as relation,
        entity,
        country,
        tax_code,
        customer_id,
        effective_from,
        effective_to,
        file_name,
        line_number,
        violation
    from tax_exemptions
    union all
    select
        'tax_registrations' as relation,
        cast(null as varchar) as entity,
        country,
        cast(null as varchar) as tax_code,
        customer_id,
        effective_from,
        effective_to,
        file_name,
        line_number,
        violation
    from tax_registrations
    union all
    select
        'legal_entities' as relation,
        entity,
        country,
        cast(null as varchar) as tax_code,
        cast(null as varchar) as customer_id,
        cast(null as date) as effective_from,
        cast(null as date) as effective_to,
        file_name,
        line_number,
        violation
    from legal_entities
)

select * from final
