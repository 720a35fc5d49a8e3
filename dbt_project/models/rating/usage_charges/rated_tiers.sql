{{ config(materialized='view') }}

with

billable_quantities as (
    select * from {{ ref('billable_quantities') }}
),

charged_usage as (
    select * from {{ ref('charged_usage') }}
    where charge_model not in ('percentage', 'dynamic')
),

prices as (
    select * from {{ ref('stg_billing__prices') }}
),

level_tiers as (
    select * from {{ ref('level_tiers') }}
),

-- Tiers are counted on what is priced, or on the full units of a level that is prorated.
quantities as (
    select
        billable_quantities.usage_key,
        billable_quantities.bucket,
        billable_quantities.quantity as priced_quantity,
        charged_usage.tiers_counted_on = 'full_units' and charged_usage.closing_level is not null as is_counted_on_level,
        case
            when charged_usage.tiers_counted_on = 'full_units' then coalesce(charged_usage.closing_level, billable_quantities.quantity)
            else billable_quantities.quantity
        end as quantity
    from billable_quantities
    inner join charged_usage on billable_quantities.usage_key = charged_usage.usage_key
),

-- What of a quantity lies in each tier: its part (graduated), or all of it in the one tier that it reaches (volume).
apportioned as (
    select
        quantities.usage_key,
        quantities.bucket,
        quantities.quantity,
        quantities.priced_quantity,
        quantities.is_counted_on_level,
        charged_usage.charge_model,
        charged_usage.package_rounding,
        charged_usage.zero_usage_flat_fee,
        prices.tier_from,
        prices.tier_up_to,
        prices.block_size,
        prices.unit_price,
        prices.flat_fee,
        case
            when quantities.quantity <= prices.tier_from and prices.tier_from > 0 then 0
            when prices.tier_up_to is null or quantities.quantity <= prices.tier_up_to or (prices.is_last_tier and charged_usage.beyond_last_tier = 'last_tier')
                then case charged_usage.charge_model when 'volume' then quantities.quantity else quantities.quantity - prices.tier_from end
            when charged_usage.charge_model = 'volume' then 0
            else prices.tier_up_to - prices.tier_from
        end as counted_quantity,
        prices.is_last_tier and prices.tier_up_to < quantities.quantity and charged_usage.beyond_last_tier = 'hold' as is_beyond_last_tier
    from quantities
    inner join charged_usage on quantities.usage_key = charged_usage.usage_key
    inner join prices
        on
            charged_usage.price_id = prices.price_id
            and charged_usage.price_version = prices.price_version
            and charged_usage.charge_id = prices.charge_id
            and charged_usage.currency = prices.currency
),

prorated as (
    select
        apportioned.*,
        case
            when not apportioned.is_counted_on_level then apportioned.counted_quantity
            when apportioned.charge_model <> 'volume' then coalesce(level_tiers.tier_quantity, 0)
            when apportioned.counted_quantity > 0 then apportioned.priced_quantity
            else 0
        end as tier_quantity,
        level_tiers.overflow_count
    from apportioned
    left join level_tiers
        on
            apportioned.usage_key = level_tiers.usage_key
            and apportioned.tier_from = level_tiers.tier_from
),

-- A block that was begun is charged whole, unless the price says otherwise.
counted as (
    select
        prorated.*,
        case
            when block_size is null then tier_quantity
            when tier_quantity <= 0 then 0
            when package_rounding = 'exact'
                then {{ unscaled_quantity(half_up_quotient("(" ~ scaled_quantity('tier_quantity') ~ " * " ~ power_of_ten(13) ~ ")", scaled_quantity('block_size'))) }}
            else cast({{ quotient(scaled_quantity('tier_quantity'), scaled_quantity('block_size'), 'package_rounding') }} as {{ quantity_type() }})
        end as units,
        counted_quantity > 0 or (quantity = 0 and tier_from = 0 and zero_usage_flat_fee) as is_entered
    from prorated
),

final as (
    select
        usage_key,
        bucket,
        tier_from,
        tier_up_to,
        tier_quantity,
        block_size,
        units,
        unit_price,
        case when is_entered then flat_fee else 0 end as flat_fee,
        case
            -- Beyond this the product would not fit.
            when coalesce(overflow_count, 0) = 0 and {{ product_fits(scaled_quantity('units'), scaled_unit_price('unit_price'), 37) }}
                then {{ multiply_exact('units', 'unit_price') }} + cast(case when is_entered then flat_fee else 0 end as {{ precise_amount_type() }})
        end as amount_precise,
        is_beyond_last_tier
    from counted
)

select * from final
