with

charged_usage as (
    select * from {{ ref('charged_usage') }}
    where
        tiers_counted_on = 'full_units'
        and charge_model <> 'volume'
        and closing_level is not null
),

event_level_usage as (
    select * from {{ ref('event_level_usage') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

prices as (
    select * from {{ ref('stg_billing__prices') }}
),

measured as (
    select
        charged_usage.usage_key,
        charged_usage.price_id,
        charged_usage.price_version,
        charged_usage.charge_id,
        charged_usage.currency,
        charged_usage.aggregation,
        charged_usage.beyond_last_tier,
        charged_usage.service_period_end,
        charged_usage.closing_level - charged_usage.kept_quantity as opening_level,
        {{ instant_at_midnight('charged_usage.service_period_end', 'customers.time_zone') }} as period_ends_at,
        case charged_usage.aggregation
            when 'weighted_sum'
                then {{ microseconds_between(
                    instant_at_midnight('charged_usage.service_period_start', 'customers.time_zone'),
                    instant_at_midnight('charged_usage.service_period_end', 'customers.time_zone')
                ) }}
            else {{ days_between('charged_usage.service_period_start', 'charged_usage.service_period_end') }}
        end as period_units
    from charged_usage
    inner join customers on charged_usage.customer_id = customers.customer_id
),

-- The level that was there before counts for the whole period; every event lifts or lowers it for the units that are left.
changes as (
    select
        measured.usage_key,
        cast(0 as {{ quantity_type() }}) as level_before,
        measured.opening_level as quantity,
        cast(null as {{ quantity_type() }}) as prorated_quantity,
        measured.period_units as remaining_units
    from measured
    union all
    select
        measured.usage_key,
        cast(measured.opening_level + event_level_usage.running_total - event_level_usage.quantity as {{ quantity_type() }}) as level_before,
        event_level_usage.quantity,
        event_level_usage.prorated_quantity,
        case measured.aggregation
            when 'weighted_sum' then {{ microseconds_between('event_level_usage.occurred_at', 'measured.period_ends_at') }}
            else {{ days_between('event_level_usage.occurred_on', 'measured.service_period_end') }}
        end as remaining_units
    from measured
    inner join event_level_usage on measured.usage_key = event_level_usage.usage_key
),

spans as (
    select
        usage_key,
        prorated_quantity,
        remaining_units,
        abs(quantity) as changed_units,
        case when quantity < 0 then -1 else 1 end as direction,
        least(level_before, level_before + quantity) as level_from,
        greatest(level_before, level_before + quantity) as level_to
    from changes
    where quantity <> 0
),

-- An event that crosses the bound of a tier lies in both, each part at the event's own proration; below nought there are no tiers.
pieces as (
    select
        spans.usage_key,
        prices.tier_from,
        spans.prorated_quantity,
        spans.remaining_units,
        spans.changed_units,
        spans.direction,
        measured.period_units,
        cast(
            least(
                spans.level_to,
                case when prices.is_last_tier and measured.beyond_last_tier = 'last_tier' then spans.level_to else coalesce(prices.tier_up_to, spans.level_to) end
            ) - greatest(spans.level_from, prices.tier_from) as {{ quantity_type() }}
        ) as units
    from spans
    inner join measured on spans.usage_key = measured.usage_key
    inner join prices
        on
            measured.price_id = prices.price_id
            and measured.price_version = prices.price_version
            and measured.charge_id = prices.charge_id
            and measured.currency = prices.currency
),

-- A product of quantities beyond this would not fit.
bounded as (
    select
        pieces.*,
        case
            when prorated_quantity is null then {{ product_fits(scaled_quantity('units'), 'remaining_units', 37) }}
            else {{ product_fits(scaled_quantity('units'), scaled_quantity('prorated_quantity'), 37) }}
        end as fits
    from pieces
    where units > 0
),

-- What is prorated by time is divided once; what an event says itself is divided by its own units.
final as (
    select
        usage_key,
        tier_from,
        cast(
            coalesce({{ unscaled_quantity(half_up_quotient(
                "sum(case when fits and prorated_quantity is null then " ~ scaled_quantity('units') ~ " * direction * cast(remaining_units as " ~ wide_integer() ~ ") else 0 end)",
                'max(period_units)'
            )) }}, 0)
            + coalesce(sum(case when fits and prorated_quantity is not null then {{ unscaled_quantity(half_up_quotient(
                "(" ~ scaled_quantity('units') ~ " * " ~ scaled_quantity('prorated_quantity') ~ ")", scaled_quantity('changed_units')
            )) }} else 0 end), 0) as {{ quantity_type() }}
        ) as tier_quantity,
        {{ sum_whole('case when fits then 0 else 1 end') }} as overflow_count
    from bounded
    group by
        usage_key,
        tier_from
)

select * from final
