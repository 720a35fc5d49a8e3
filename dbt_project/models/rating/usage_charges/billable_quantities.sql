with

charged_usage as (
    select * from {{ ref('charged_usage') }}
    where price_id is not null
),

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
),

-- Where a meter counts by the day, each day is rated by itself; otherwise the period is.
daily as (
    select
        charged_usage.usage_key,
        cast(claimed_daily_usage.occurred_on as varchar) as bucket,
        case charged_usage.aggregation
            when 'count' then cast(sum(claimed_daily_usage.event_count) as {{ quantity_type() }})
            when 'max' then max(claimed_daily_usage.largest_quantity)
            else sum(claimed_daily_usage.quantity)
        end as quantity
    from charged_usage
    inner join claimed_daily_usage on charged_usage.usage_key = claimed_daily_usage.usage_key
    where charged_usage.bucket = 'day'
    group by
        charged_usage.usage_key,
        charged_usage.aggregation,
        claimed_daily_usage.occurred_on
),

bucketed as (
    select
        usage_key,
        bucket,
        quantity
    from daily
    union all
    select
        usage_key,
        'period' as bucket,
        quantity
    from charged_usage
    where bucket = 'period'
),

-- In units that are priced: divided and rounded by one integer division, at the decimal places that the price states.
stated as (
    select
        bucketed.usage_key,
        bucketed.bucket,
        bucketed.quantity as metered_quantity,
        charged_usage.charge_model,
        charged_usage.free_units,
        charged_usage.quantity_divisor is not null or charged_usage.quantity_rounding <> 'none' as is_converted,
        case when charged_usage.quantity_rounding = 'none' then 'half_up' else charged_usage.quantity_rounding end as rounding,
        case when charged_usage.quantity_rounding = 'none' then 13 else charged_usage.quantity_precision end as places,
        cast(coalesce(charged_usage.quantity_divisor, 1) as {{ quantity_type() }}) as divisor
    from bucketed
    inner join charged_usage on bucketed.usage_key = charged_usage.usage_key
),

converted as (
    select
        stated.*,
        case
            when not is_converted or metered_quantity <= 0 then metered_quantity
            when metered_quantity < 500000000000
                then
                    {{ unscaled_quantity("(" ~ quotient(
                        scaled_quantity('metered_quantity') ~ " * " ~ power_of_ten('greatest(places, 0)'),
                        "(" ~ scaled_quantity('divisor') ~ " * " ~ power_of_ten('greatest(-places, 0)') ~ ")",
                        'rounding'
                    ) ~ ") * " ~ power_of_ten('13 - places')) }}
        end as quantity
    from stated
),

-- Free units come off before blocks and tiers are counted; those of a percentage are told event by event.
final as (
    select
        usage_key,
        bucket,
        metered_quantity,
        quantity as priced_quantity,
        case
            when charge_model = 'percentage' or free_units is null then quantity
            when quantity > free_units then quantity - free_units
            when quantity >= 0 then 0
            else quantity
        end as quantity
    from converted
)

select * from final
