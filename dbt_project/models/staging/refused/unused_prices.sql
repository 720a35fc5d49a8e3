with

tiers as (
    select * from {{ ref('stg_billing__price_tiers') }}
),

terms as (
    select * from {{ ref('stg_billing__price_terms') }}
),

charges as (
    select * from {{ ref('stg_billing__charges') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- What a price names and nobody delivered: no line could ever be priced by it.
unknown as (
    select
        tiers.price_id,
        tiers.price_version,
        tiers.file_name,
        tiers.line_number,
        case
            when charges.charge_id is null then 'unknown_charge'
            when currencies.currency is null then 'unknown_currency'
        end as violation
    from tiers
    left join charges on tiers.charge_id = charges.charge_id
    left join currencies on tiers.currency = currencies.currency
    union all
    select
        terms.price_id,
        terms.price_version,
        terms.file_name,
        terms.line_number,
        case when tiers.price_id is null then 'unknown_price' end as violation
    from terms
    left join tiers
        on
            terms.price_id = tiers.price_id
            and terms.price_version = tiers.price_version
),

final as (
    select distinct
        price_id,
        price_version,
        file_name,
        line_number,
        violation
    from unknown
    where violation is not null
)

select * from final
