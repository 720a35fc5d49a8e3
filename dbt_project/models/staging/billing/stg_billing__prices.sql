with

tiers as (
    select * from {{ ref('stg_billing__price_tiers') }}
),

refused as (
    select distinct
        price_id,
        price_version
    from {{ ref('stg_billing__refused_prices') }}
),

-- A version is used whole or not at all.
accepted as (
    select
        tiers.*,
        row_number() over (
            partition by tiers.price_id, tiers.price_version, tiers.charge_id, tiers.currency
            order by tiers.tier_from desc, tiers.tier_up_to desc nulls first
        ) as rank_from_above
    from tiers
    left join refused
        on
            tiers.price_id = refused.price_id
            and tiers.price_version = refused.price_version
    where refused.price_id is null
),

final as (
    select
        price_id,
        price_version,
        charge_id,
        currency,
        customer_id,
        dimensions,
        effective_from,
        effective_to,
        tier_from,
        tier_up_to,
        rank_from_above = 1 as is_last_tier,
        block_size,
        unit_price,
        flat_fee
    from accepted
)

select * from final
