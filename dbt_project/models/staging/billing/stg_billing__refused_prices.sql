with

tiers as (
    select * from {{ ref('stg_billing__price_tiers') }}
),

terms as (
    select * from {{ ref('stg_billing__price_terms') }}
),

threshold_charges as (
    select charge_id
    from {{ ref('stg_billing__charges') }}
    where kind = 'threshold'
),

versions as (
    select
        price_id,
        price_version,
        charge_id,
        currency,
        coalesce(customer_id, '') as customer_id,
        coalesce(dimensions, '') as dimensions,
        min(effective_from) as effective_from,
        max(effective_to) as effective_to,
        max(case when effective_to is null then 1 else 0 end) as is_open,
        min(file_name) as file_name,
        min(line_number) as line_number
    from tiers
    where violation is null
    group by
        price_id,
        price_version,
        charge_id,
        currency,
        coalesce(customer_id, ''),
        coalesce(dimensions, '')
),

-- Two prices for an instant: nobody can say which one was meant, so neither is used.
contradicting as (
    select
        versions.price_id,
        versions.price_version,
        versions.file_name,
        versions.line_number,
        'two_prices_for_an_instant' as violation
    from versions
    inner join versions as others
        on
            versions.charge_id = others.charge_id
            and versions.currency = others.currency
            and versions.customer_id = others.customer_id
            and versions.dimensions = others.dimensions
            and (versions.price_id <> others.price_id or versions.price_version <> others.price_version)
            and (others.is_open = 1 or versions.effective_from < others.effective_to)
            and (versions.is_open = 1 or others.effective_from < versions.effective_to)
),

-- Nor of two rows of one file that say the same in different words.
repeated as (
    select
        {{ key_member('natural_key', 1) }} as price_id,
        {{ key_member('natural_key', 2) }} as price_version,
        file_name,
        line_number,
        'stated_twice' as violation
    from {{ ref('repeated_reference_rows') }}
    where source in ('prices', 'price_terms')
),

final as (
    select
        price_id,
        price_version,
        file_name,
        line_number,
        violation
    from tiers
    where violation is not null
    union all
    select
        price_id,
        price_version,
        file_name,
        line_number,
        violation
    from terms
    where violation is not null
    union all
    select
        tiers.price_id,
        tiers.price_version,
        tiers.file_name,
        tiers.line_number,
        'not_positive' as violation
    from tiers
    inner join threshold_charges on tiers.charge_id = threshold_charges.charge_id
    where tiers.violation is null and tiers.flat_fee = 0
    union
    select
        price_id,
        price_version,
        file_name,
        line_number,
        violation
    from contradicting
    union
    select
        price_id,
        price_version,
        file_name,
        line_number,
        violation
    from repeated
)

select * from final
