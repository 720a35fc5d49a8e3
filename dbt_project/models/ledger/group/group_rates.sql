with

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
    where to_currency = '{{ var("group_currency") }}'
),

currencies as (
    select * from {{ ref('currencies') }}
),

months as (
    select distinct
        period,
        {{ month_start("cast(period || '-01' as date)") }} as month_start
    from general_ledger
),

-- A balance that nothing moves is translated every month all the same.
wanted as (
    select
        months.period,
        months.month_start,
        {{ add_days(add_months('months.month_start', 1), -1) }} as last_day,
        used.functional_currency
    from months
    cross join (select distinct functional_currency from general_ledger) as used
),

closing as (
    select
        wanted.period,
        wanted.functional_currency,
        exchange_rates.exchange_rate,
        row_number() over (partition by wanted.period, wanted.functional_currency order by exchange_rates.rate_date desc) as recency
    from wanted
    inner join exchange_rates
        on
            wanted.functional_currency = exchange_rates.from_currency
            and wanted.last_day >= exchange_rates.rate_date
            and {{ add_days('wanted.last_day', -1 * var('exchange_rate_days')) }} <= exchange_rates.rate_date
),

-- The mean of the approved daily rates of the month, rounded half away from zero at the decimals of a rate.
average as (
    select
        wanted.period,
        wanted.functional_currency,
        cast(
            cast({{ half_up_quotient("sum(" ~ whole_rate('exchange_rates.exchange_rate') ~ ")", "count(*)") }} as decimal(20, 0))
            * cast(0.000000000001 as decimal(13, 12)) as {{ rate_type() }}
        ) as exchange_rate
    from wanted
    inner join exchange_rates
        on
            wanted.functional_currency = exchange_rates.from_currency
            and exchange_rates.rate_date between wanted.month_start and wanted.last_day
    group by
        wanted.period,
        wanted.functional_currency
),

final as (
    select
        wanted.period,
        wanted.functional_currency,
        '{{ var("group_currency") }}' as group_currency,
        case
            when wanted.functional_currency = '{{ var("group_currency") }}' then cast(1 as {{ rate_type() }})
            else closing.exchange_rate
        end as closing_rate,
        case
            when wanted.functional_currency = '{{ var("group_currency") }}' then cast(1 as {{ rate_type() }})
            else average.exchange_rate
        end as average_rate,
        -- From minor units to minor units: 1 JPY is one minor unit, 1 USD is a hundred.
        cast(group_currency.minor_units * functional.minor_unit_value as {{ rate_type() }}) as minor_unit_ratio
    from wanted
    inner join currencies as functional on wanted.functional_currency = functional.currency
    inner join currencies as group_currency on group_currency.currency = '{{ var("group_currency") }}'
    left join closing
        on
            wanted.period = closing.period
            and wanted.functional_currency = closing.functional_currency
            and closing.recency = 1
    left join average
        on
            wanted.period = average.period
            and wanted.functional_currency = average.functional_currency
)

select * from final
