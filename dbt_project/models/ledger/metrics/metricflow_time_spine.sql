with

periods as (
    select period from {{ ref('sub_ledger_periods') }}
    union
    select service_period as period from {{ ref('revenue_by_service_period') }}
),

bounds as (
    select
        cast(min(period) || '-01' as date) as first_day,
        cast(max(period) || '-01' as date) as last_month
    from periods
),

lengths as (
    select
        first_day,
        {{ days_between('first_day', add_months('last_month', 1)) }} as day_count
    from bounds
    where first_day is not null
),

places as (
    select
        first_day,
        {{ whole_numbers_from(0, 'day_count - 1') }} as place
    from lengths
),

final as (
    select {{ add_days('first_day', 'place') }} as date_day
    from places
)

select * from final
