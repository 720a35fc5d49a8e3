with

latest as (
    {{ latest_landed(source('raw_billing', 'prices'), ['price_id', 'price_version', 'charge_id', 'currency', 'tier_up_to']) }}
),

typed as (
    select
        price_id,
        price_version,
        charge_id,
        upper(currency) as currency,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        {{ safe_cast_to(blank_to_null('effective_to'), 'date') }} as effective_to,
        {{ safe_cast_to(blank_to_null('tier_up_to'), quantity_type()) }} as tier_up_to,
        {{ safe_cast_to("coalesce(" ~ blank_to_null('unit_price') ~ ", '0')", unit_price_type()) }} as unit_price,
        {{ safe_cast_to("coalesce(" ~ blank_to_null('flat_fee') ~ ", '0')", unit_price_type()) }} as flat_fee,
        file_name,
        line_number
    from latest
),

final as (
    select
        price_id,
        price_version,
        charge_id,
        currency,
        effective_from,
        effective_to,
        -- Tiers have inclusive upper bounds; the lower bound is the bound of the tier below.
        coalesce(
            lag(tier_up_to) over (
                partition by price_id, price_version, charge_id, currency order by tier_up_to asc nulls last
            ), 0
        ) as tier_from,
        tier_up_to,
        unit_price,
        flat_fee
    from typed
    where effective_from is not null and unit_price is not null and flat_fee is not null
)

select * from final
