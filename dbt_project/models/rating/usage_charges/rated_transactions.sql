with

event_level_usage as (
    select * from {{ ref('event_level_usage') }}
),

charged_usage as (
    select * from {{ ref('charged_usage') }}
    where charge_model = 'percentage'
),

prices as (
    select * from {{ ref('stg_billing__prices') }}
    where tier_from = 0
),

stated as (
    select
        event_level_usage.usage_key,
        event_level_usage.event_key,
        event_level_usage.event_rank,
        event_level_usage.quantity,
        event_level_usage.running_total,
        event_level_usage.running_total - event_level_usage.quantity as total_before,
        charged_usage.free_events,
        charged_usage.free_units,
        charged_usage.fixed_fee_per_event,
        charged_usage.transaction_minimum,
        charged_usage.transaction_maximum,
        prices.unit_price,
        -- The total of the free events is an allowance of units as well.
        max(case when event_level_usage.event_rank <= charged_usage.free_events then event_level_usage.running_total end) over (
            partition by event_level_usage.usage_key
        ) as free_event_units
    from event_level_usage
    inner join charged_usage on event_level_usage.usage_key = charged_usage.usage_key
    inner join prices
        on
            charged_usage.price_id = prices.price_id
            and charged_usage.price_version = prices.price_version
            and charged_usage.charge_id = prices.charge_id
            and charged_usage.currency = prices.currency
),

-- Of two allowances the tighter one counts.
allowed as (
    select
        stated.*,
        coalesce(least(free_event_units, free_units), free_event_units, free_units, 0) as allowance,
        (free_events is not null or free_units is not null)
        and (free_events is null or event_rank <= free_events)
        and (free_units is null or running_total <= free_units) as is_free_of_fee
    from stated
),

paid as (
    select
        allowed.*,
        case
            when total_before >= allowance or quantity < 0 then quantity
            when running_total <= allowance then 0
            else running_total - allowance
        end as paid_quantity
    from allowed
),

priced as (
    select
        paid.*,
        {{ multiply_exact('paid_quantity', 'unit_price') }}
        + cast(case when is_free_of_fee then 0 else fixed_fee_per_event end as {{ precise_amount_type() }}) as unbounded_amount
    from paid
),

final as (
    select
        usage_key,
        event_key,
        event_rank,
        quantity,
        paid_quantity,
        unit_price,
        case
            when paid_quantity = 0 and is_free_of_fee then cast(0 as {{ precise_amount_type() }})
            else
                least(
                    greatest(unbounded_amount, coalesce(cast(transaction_minimum as {{ precise_amount_type() }}), unbounded_amount)),
                    coalesce(cast(transaction_maximum as {{ precise_amount_type() }}), greatest(unbounded_amount, coalesce(cast(transaction_minimum as {{ precise_amount_type() }}), unbounded_amount)))
                )
        end as amount_precise
    from priced
)

select * from final
