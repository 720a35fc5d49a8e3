with

latest as (
    {{ latest_landed(
        under_stable_key(source('raw_billing', 'prices'), 'charge_id', 'charge'),
        ['price_id', 'price_version', 'stable_charge_id', 'currency', 'tier_up_to']
    ) }}
),

typed as (
    select
        price_id,
        price_version,
        stable_charge_id as charge_id,
        upper(currency) as currency,
        {{ blank_to_null('customer_id') }} as customer_id,
        {{ blank_to_null('dimensions') }} as dimensions,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        {{ safe_cast_to(blank_to_null('effective_to'), 'date') }} as effective_to,
        {{ safe_cast_to(blank_to_null('tier_up_to'), quantity_type()) }} as tier_up_to,
        {{ safe_cast_to(blank_to_null('tier_from'), quantity_type()) }} as stated_from,
        {{ safe_cast_to(blank_to_null('block_size'), quantity_type()) }} as block_size,
        {{ safe_cast_to("coalesce(" ~ blank_to_null('unit_price') ~ ", '0')", unit_price_type()) }} as stated_unit_price,
        {{ safe_cast_to("coalesce(" ~ blank_to_null('rate_percent') ~ ", '0')", unit_price_type()) }} as rate_percent,
        {{ safe_cast_to("coalesce(" ~ blank_to_null('flat_fee') ~ ", '0')", unit_price_type()) }} as flat_fee,
        {{ blank_to_null('effective_to') }} is not null as has_end,
        {{ blank_to_null('tier_up_to') }} is not null as has_bound,
        {{ blank_to_null('tier_from') }} is not null as has_stated_from,
        {{ blank_to_null('block_size') }} is not null as has_block_size,
        file_name,
        line_number
    from latest
),

-- Tiers have inclusive upper bounds; the lower bound is the bound of the tier below.
bounded as (
    select
        typed.*,
        cast(
            coalesce(
                lag(tier_up_to) over (
                    partition by price_id, price_version, charge_id, currency order by tier_up_to asc nulls last
                ), 0
            ) as {{ quantity_type() }}
        ) as tier_from,
        row_number() over (
            partition by price_id, price_version, charge_id, currency, tier_up_to order by file_name asc, line_number asc
        ) as place_at_bound
    from typed
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
        block_size,
        -- A percentage is the price of one unit of money.
        cast(stated_unit_price + rate_percent * cast(0.01 as decimal(3, 2)) as {{ unit_price_type() }}) as unit_price,
        flat_fee,
        file_name,
        line_number,
        case
            when effective_from is null or (has_end and effective_to is null) then 'not_a_date'
            when effective_to <= effective_from then 'ends_before_it_starts'
            when
                stated_unit_price is null or rate_percent is null or flat_fee is null
                or (has_bound and tier_up_to is null) or (has_stated_from and stated_from is null) or (has_block_size and block_size is null)
                then 'not_a_number'
            when stated_unit_price < 0 or rate_percent < 0 or flat_fee < 0 then 'negative_price'
            when tier_up_to <= 0 or block_size <= 0 then 'empty_tier'
            when stated_from < tier_from or place_at_bound > 1 then 'overlapping_tiers'
            when stated_from > tier_from then 'gapped_tiers'
        end as violation
    from bounded
)

select * from final
