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

prices as (
    select * from {{ ref('stg_billing__prices') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

charged as (
    select
        usage_summaries.*,
        customers.currency,
        customers.country,
        customers.entity,
        subscription_charges.charge_model,
        subscription_charges.product,
        subscription_charges.tax_code,
        subscription_charges.description
    from usage_summaries
    inner join customers on usage_summaries.customer_id = customers.customer_id
    left join subscription_charges
        on
            usage_summaries.subscription_id = subscription_charges.subscription_id
            and usage_summaries.charge_id = subscription_charges.charge_id
),

-- Every tier of the price version that is effective when the service period starts.
priced_tiers as (
    select
        charged.usage_key,
        prices.price_id,
        prices.price_version,
        prices.unit_price,
        prices.flat_fee,
        case
            when charged.quantity <= prices.tier_from and prices.tier_from > 0 then 0
            when prices.tier_up_to is null or charged.quantity <= prices.tier_up_to then charged.quantity - prices.tier_from
            else prices.tier_up_to - prices.tier_from
        end as tier_quantity
    from charged
    inner join prices
        on
            charged.charge_id = prices.charge_id
            and charged.currency = prices.currency
            and charged.service_period_start >= prices.effective_from
            and (charged.service_period_start < prices.effective_to or prices.effective_to is null)
    where length(cast(floor(abs(charged.quantity)) as varchar)) + length(cast(floor(prices.unit_price) as varchar)) <= 13
),

rated as (
    select
        usage_key,
        min(price_id) as price_id,
        min(price_version) as price_version,
        count(distinct {{ dbt.concat(["price_id", "'/'", "price_version"]) }}) as price_count,
        sum({{ multiply_exact('tier_quantity', 'unit_price') }} + case when tier_quantity > 0 then cast(flat_fee as {{ precise_amount_type() }}) else 0 end) as amount_precise,
        {{ digest(ordered_text(dbt.concat(["price_id", "'/'", "price_version", "':'", "cast(tier_quantity as varchar)", "'x'", "cast(unit_price as varchar)", "'+'", "cast(flat_fee as varchar)"]), "tier_quantity, unit_price")) }} as price_fingerprint
    from priced_tiers
    group by usage_key
),

priced_charges as (
    select distinct
        charge_id,
        currency
    from prices
),

final as (
    select
        charged.usage_key as line_key,
        charged.customer_id,
        charged.entity,
        charged.currency,
        charged.country,
        charged.subscription_id,
        charged.charge_id,
        charged.meter,
        charged.product,
        charged.tax_code,
        charged.description,
        charged.service_period_start,
        charged.service_period_end,
        charged.quantity,
        charged.event_count,
        rated.price_version,
        cast(rated.amount_precise as {{ precise_amount_type() }}) as amount_precise,
        {{ digest(dbt.concat(["charged.fingerprint", "'|'", "coalesce(rated.price_fingerprint, '-')", "'|" ~ var('rating_version') ~ "'"])) }} as fingerprint,
        case
            when charged.subscription_id is null then 'no_subscription'
            when charged.quantity < 0 then 'negative_net_usage'
            when rated.usage_key is null and priced_charges.charge_id is not null and length(cast(floor(charged.quantity) as varchar)) > 9
                then 'amount_out_of_range'
            when rated.usage_key is null or rated.price_count > 1 then 'missing_price'
        end as hold_reason
    from charged
    left join rated on charged.usage_key = rated.usage_key
    left join priced_charges
        on
            charged.charge_id = priced_charges.charge_id
            and charged.currency = priced_charges.currency
)

select * from final
