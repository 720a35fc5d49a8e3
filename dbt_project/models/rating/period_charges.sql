with

subscription_charges as (
    select ranked.*
    from (
        select
            subscription_charges.*,
            row_number() over (
                partition by subscription_id, charge_id order by subscription_version desc
            ) as version_rank
        from {{ ref('subscription_charges') }} as subscription_charges
        where kind <> 'usage'
    ) as ranked
    where ranked.version_rank = 1
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

price_versions as (
    select * from {{ ref('stg_billing__price_versions') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

merged_customers as (
    select * from {{ ref('stg_crm__merged_customers') }}
),

-- Charged is whom the customer has become by the end of the period.
charged as (
    select
        subscription_charges.*,
        subscription_periods.period_start,
        subscription_periods.period_end,
        coalesce(merged_customers.survivor_id, subscription_charges.customer_id) as charged_customer_id
    from subscription_charges
    inner join subscription_periods
        on
            subscription_charges.subscription_id = subscription_periods.subscription_id
            and subscription_charges.plan_id = subscription_periods.plan_id
    left join merged_customers
        on
            subscription_charges.customer_id = merged_customers.customer_id
            and {{ stands_at_end('merged_customers', 'subscription_periods.period_end') }}
),

-- A free trial is served and costs nothing.
served as (
    select
        charged.subscription_id,
        charged.charge_id,
        charged.kind,
        charged.charge_model,
        charged.billing_timing,
        charged.applies_to,
        charged.product,
        charged.tax_code,
        charged.description,
        charged.starts_on,
        charged.ends_on,
        charged.starts_at,
        charged.ends_at,
        charged.customer_id as subscribed_customer_id,
        charged.charged_customer_id as customer_id,
        customers.entity,
        customers.currency,
        customers.country,
        customers.time_zone,
        charged.period_start,
        charged.period_end,
        greatest(charged.period_start, charged.starts_on, coalesce(charged.trial_ends_on, charged.starts_on)) as served_from,
        least(charged.period_end, coalesce(charged.ends_on, charged.period_end)) as served_to,
        {{ dbt.concat(["charged.subscription_id", "'/'", "charged.charge_id", "'/'", "cast(charged.period_start as varchar)"]) }} as line_key
    from charged
    inner join customers on charged.charged_customer_id = customers.customer_id
),

-- The price that is effective when the service starts: the customer's own before the list, and the one of who subscribed before a merge first.
ranked_prices as (
    select
        served.line_key,
        price_versions.price_id,
        price_versions.price_version,
        price_versions.fee,
        price_versions.proration,
        price_versions.days_in_month,
        price_versions.discount_percent,
        price_versions.commitment_rounding,
        price_versions.credit_validity_months,
        price_versions.tax_behavior,
        price_versions.fingerprint,
        row_number() over (
            partition by served.line_key
            order by
                case when price_versions.customer_id = served.subscribed_customer_id then 0 when price_versions.customer_id is null then 2 else 1 end asc,
                price_versions.price_id asc,
                price_versions.price_version asc
        ) as preference
    from served
    inner join price_versions
        on
            served.charge_id = price_versions.charge_id
            and served.currency = price_versions.currency
            and (price_versions.customer_id in (served.customer_id, served.subscribed_customer_id) or price_versions.customer_id is null)
            and served.served_from >= price_versions.effective_from
            and (served.served_from < price_versions.effective_to or price_versions.effective_to is null)
    where served.served_from < served.served_to
),

priced as (
    select
        served.*,
        ranked_prices.price_id,
        ranked_prices.price_version,
        ranked_prices.fee,
        ranked_prices.days_in_month,
        ranked_prices.discount_percent,
        ranked_prices.commitment_rounding,
        ranked_prices.credit_validity_months,
        ranked_prices.tax_behavior,
        ranked_prices.fingerprint as price_fingerprint,
        -- Credits are bought whole.
        coalesce(ranked_prices.proration, case when served.kind = 'prepaid' then 'none' else 'days' end) as proration,
        min(served.served_from) over (partition by served.subscription_id, served.charge_id) as first_served_from
    from served
    left join ranked_prices
        on
            served.line_key = ranked_prices.line_key
            and ranked_prices.preference = 1
    where served.served_from < served.served_to
),

-- How much of the period was served, as a fraction of whole numbers: of days, of seconds (a day of a clock change has 23 or 25
-- hours), or of days of months that all count the same.
prorated as (
    select
        priced.*,
        case proration
            when 'none' then 1
            when 'seconds'
                then {{ integer_quotient(
                    microseconds_between(
                        "case when starts_at is not null and starts_on = served_from then starts_at else " ~ instant_at_midnight('served_from', 'time_zone') ~ " end",
                        "case when ends_at is not null and ends_on = served_to then ends_at else " ~ instant_at_midnight('served_to', 'time_zone') ~ " end"
                    ), '1000000') }}
            when 'fixed_month'
                then {{ fixed_month_days('served_to', 'days_in_month') }} - {{ fixed_month_days('served_from', 'days_in_month') }}
            else {{ days_between('served_from', 'served_to') }}
        end as served_units,
        case proration
            when 'none' then 1
            when 'seconds'
                then {{ integer_quotient(
                    microseconds_between(instant_at_midnight('period_start', 'time_zone'), instant_at_midnight('period_end', 'time_zone')), '1000000') }}
            when 'fixed_month'
                then {{ fixed_month_days('period_end', 'days_in_month') }} - {{ fixed_month_days('period_start', 'days_in_month') }}
            else {{ days_between('period_start', 'period_end') }}
        end as period_units
    from priced
),

final as (
    select
        line_key,
        kind,
        charge_model,
        customer_id,
        entity,
        currency,
        country,
        subscription_id,
        charge_id,
        applies_to,
        product,
        tax_code,
        tax_behavior,
        description,
        period_start,
        period_end,
        served_from,
        served_to,
        -- A charge in advance is billed in the month before its period; the first one when the subscription starts.
        case
            when billing_timing = 'arrears' or kind not in ('fee', 'prepaid') then {{ month_start(add_days('served_to', -1)) }}
            when served_from = first_served_from then {{ month_start('served_from') }}
            else {{ add_months(month_start('period_start'), -1) }}
        end as billing_month,
        price_id,
        price_version,
        fee,
        proration,
        discount_percent,
        commitment_rounding,
        credit_validity_months,
        cast(served_units as bigint) as served_units,
        cast(period_units as bigint) as period_units,
        {{ digest(dbt.concat(["cast(served_units as varchar)", "'/'", "cast(period_units as varchar)", "'|'", "coalesce(price_id || '/' || price_version || '/' || price_fingerprint, '-')", "'|" ~ var('rating_version') ~ "'"])) }} as fingerprint
    from prorated
)

select * from final
