with

usage_summaries as (
    select * from {{ ref('usage_summaries') }}
),

-- One row per subscription and charge: a later version of the same terms must not multiply usage.
subscription_charges as (
    select ranked.*
    from (
        select
            subscription_charges.*,
            row_number() over (
                partition by subscription_id, charge_id order by subscription_version desc
            ) as version_rank
        from {{ ref('subscription_charges') }} as subscription_charges
    ) as ranked
    where ranked.version_rank = 1
),

price_versions as (
    select * from {{ ref('stg_billing__price_versions') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

charged as (
    select
        usage_summaries.*,
        customers.currency,
        customers.country,
        customers.entity,
        currencies.minor_unit_value,
        subscription_charges.charge_model,
        subscription_charges.product,
        subscription_charges.tax_code,
        subscription_charges.description,
        coalesce(subscription_charges.customer_id, usage_summaries.customer_id) as subscribed_customer_id
    from usage_summaries
    inner join customers on usage_summaries.customer_id = customers.customer_id
    left join currencies on customers.currency = currencies.currency
    left join subscription_charges
        on
            usage_summaries.subscription_id = subscription_charges.subscription_id
            and usage_summaries.charge_id = subscription_charges.charge_id
),

-- The price version that is effective when the service period starts: the customer's own before the list, and the one of who subscribed before
-- a merge first; that of the dimensions before that of all.
ranked_prices as (
    select
        charged.usage_key,
        price_versions.price_id,
        price_versions.price_version,
        row_number() over (
            partition by charged.usage_key
            order by
                case when price_versions.customer_id = charged.subscribed_customer_id then 0 when price_versions.customer_id is null then 2 else 1 end asc,
                case when price_versions.dimensions is null then 1 else 0 end asc,
                price_versions.price_id asc,
                price_versions.price_version asc
        ) as preference
    from charged
    inner join price_versions
        on
            charged.charge_id = price_versions.charge_id
            and charged.currency = price_versions.currency
            and (price_versions.customer_id in (charged.customer_id, charged.subscribed_customer_id) or price_versions.customer_id is null)
            and (price_versions.dimensions = charged.charged_dimensions or price_versions.dimensions is null)
            and charged.service_period_start >= price_versions.effective_from
            and (charged.service_period_start < price_versions.effective_to or price_versions.effective_to is null)
),

final as (
    select
        charged.*,
        price_versions.price_id,
        price_versions.price_version,
        price_versions.quantity_divisor,
        price_versions.quantity_rounding,
        price_versions.quantity_precision,
        price_versions.free_units,
        price_versions.free_events,
        price_versions.package_rounding,
        price_versions.zero_usage_flat_fee,
        price_versions.minimum_amount,
        price_versions.maximum_amount,
        price_versions.discount_percent,
        price_versions.billing_increment,
        price_versions.billing_increment_rounding,
        price_versions.fixed_fee_per_event,
        price_versions.transaction_minimum,
        price_versions.transaction_maximum,
        price_versions.beyond_last_tier,
        price_versions.tax_behavior,
        price_versions.tiers_counted_on,
        price_versions.negative_usage,
        price_versions.fingerprint as price_fingerprint
    from charged
    left join ranked_prices
        on
            charged.usage_key = ranked_prices.usage_key
            and ranked_prices.preference = 1
    left join price_versions
        on
            ranked_prices.price_id = price_versions.price_id
            and ranked_prices.price_version = price_versions.price_version
            and charged.charge_id = price_versions.charge_id
            and charged.currency = price_versions.currency
)

select * from final
