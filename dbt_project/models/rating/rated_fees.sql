with

fee_charges as (
    select ranked.*
    from (
        select
            subscription_charges.*,
            row_number() over (
                partition by subscription_id, charge_id order by subscription_version desc
            ) as version_rank
        from {{ ref('subscription_charges') }} as subscription_charges
        where kind = 'fee'
    ) as ranked
    where ranked.version_rank = 1
),

prices as (
    select * from {{ ref('stg_billing__prices') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- Fees are known ahead of time; they are rated up to the month after the last landed day and no further,
-- so that the result depends on landed data alone.
horizon as (
    select max({{ month_start('landed_on') }}) as last_month
    from {{ ref('stg_product__landed_files') }}
),

service_months as (
    select
        fee_charges.*,
        {{ months_from(month_start('fee_charges.starts_on'), add_months('horizon.last_month', 1)) }} as service_period_start
    from fee_charges
    cross join horizon
),

service_periods as (
    select
        service_months.*,
        {{ add_months('service_period_start', 1) }} as service_period_end,
        greatest(service_period_start, starts_on) as served_from,
        least({{ add_months('service_period_start', 1) }}, coalesce(ends_on, {{ add_months('service_period_start', 1) }})) as served_to
    from service_months
),

served as (
    select
        service_periods.*,
        {{ days_between('served_from', 'served_to') }} as days_served,
        {{ days_between('service_period_start', 'service_period_end') }} as days_in_period,
        min(served_from) over (partition by subscription_id, charge_id) as first_served_from,
        {{ dbt.concat(["subscription_id", "'/'", "charge_id", "'/'", "cast(service_period_start as varchar)"]) }} as line_key
    from service_periods
    where served_from < served_to
),

priced as (
    select
        served.*,
        prices.price_id,
        prices.price_version,
        prices.flat_fee,
        currencies.minor_units,
        count(prices.price_id) over (partition by served.line_key) as price_count,
        row_number() over (partition by served.line_key order by prices.price_version desc) as price_rank
    from served
    left join prices
        on
            served.charge_id = prices.charge_id
            and served.currency = prices.currency
            and served.served_from >= prices.effective_from
            and (served.served_from < prices.effective_to or prices.effective_to is null)
    left join currencies on served.currency = currencies.currency
),

-- The fee in 10^-12 of a unit is an integer, so the proration is one integer division, rounded once.
final as (
    select
        line_key,
        customer_id,
        entity,
        currency,
        country,
        subscription_id,
        charge_id,
        product,
        tax_code,
        description,
        served_from as service_period_start,
        served_to as service_period_end,
        -- A fee in advance is billed in the month before its period; the first one when the subscription starts.
        case
            when billing_timing = 'arrears' or served_from = first_served_from then service_period_start
            else {{ add_months('service_period_start', -1) }}
        end as billing_month,
        price_version,
        cast(
            {{ half_up_quotient("cast(flat_fee * 1000000000000 as " ~ wide_integer() ~ ") * days_served", "days_in_period") }}
            as decimal(38, 0)
        ) * cast(0.000000000001 as decimal(13, 12)) as amount_precise,
        cast(
            {{ half_up_quotient("cast(flat_fee * 1000000000000 as " ~ wide_integer() ~ ") * days_served * cast(minor_units as integer)", "days_in_period * 1000000000000") }}
            as bigint
        ) as amount_minor,
        {{ digest(dbt.concat(["cast(days_served as varchar)", "'/'", "cast(days_in_period as varchar)", "'|'", "coalesce(price_id || '/' || price_version || '/' || cast(flat_fee as varchar), '-')", "'|" ~ var('rating_version') ~ "'"])) }} as fingerprint,
        case when price_count <> 1 then 'missing_price' end as hold_reason
    from priced
    where price_rank = 1
)

select * from final
