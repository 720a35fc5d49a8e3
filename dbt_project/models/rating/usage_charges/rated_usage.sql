{{ config(materialized='view') }}

with

charged_usage as (
    select * from {{ ref('charged_usage') }}
),

billable_quantities as (
    select * from {{ ref('billable_quantities') }}
),

rated_tiers as (
    select * from {{ ref('rated_tiers') }}
),

rated_transactions as (
    select * from {{ ref('rated_transactions') }}
),

quantities as (
    select
        usage_key,
        sum(priced_quantity) as priced_quantity,
        count(*) - count(quantity) as unpriceable_count
    from billable_quantities
    group by usage_key
),

tiered as (
    select
        usage_key,
        sum(amount_precise) as amount_precise,
        count(*) - count(amount_precise) as overflow_count,
        sum(case when is_beyond_last_tier then 1 else 0 end) as beyond_count
    from rated_tiers
    group by usage_key
),

per_transaction as (
    select
        usage_key,
        sum(amount_precise) as amount_precise
    from rated_transactions
    group by usage_key
),

combined as (
    select
        charged_usage.*,
        coalesce(quantities.priced_quantity, charged_usage.quantity) as priced_quantity,
        coalesce(quantities.unpriceable_count, 0) + coalesce(tiered.overflow_count, 0) as overflow_count,
        coalesce(tiered.beyond_count, 0) as beyond_count,
        charged_usage.quantity < 0 or (charged_usage.tiers_counted_on = 'full_units' and coalesce(charged_usage.closing_level, 0) < 0) as is_negative,
        case
            when charged_usage.price_id is null then null
            -- The amount that the events brought along, in minor units and their fractions.
            when charged_usage.charge_model = 'dynamic'
                then cast(coalesce(charged_usage.supplied_minor, 0) * cast(charged_usage.minor_unit_value as decimal(4, 3)) as {{ precise_amount_type() }})
            when charged_usage.charge_model = 'percentage' and charged_usage.kept_quantity = 0 then cast(0 as {{ precise_amount_type() }})
            when charged_usage.charge_model = 'percentage' then cast(per_transaction.amount_precise as {{ precise_amount_type() }})
            else cast(tiered.amount_precise as {{ precise_amount_type() }})
        end as computed_amount
    from charged_usage
    left join quantities on charged_usage.usage_key = quantities.usage_key
    left join tiered on charged_usage.usage_key = tiered.usage_key
    left join per_transaction on charged_usage.usage_key = per_transaction.usage_key
),

valued as (
    select
        combined.*,
        case when combined.is_negative and combined.negative_usage = 'zero' then cast(0 as {{ precise_amount_type() }}) else combined.computed_amount end as gross_amount
    from combined
),

-- The discount comes off before the minimum and the maximum are looked at.
discounted as (
    select
        valued.*,
        coalesce({{ percentage_of('gross_amount', 'discount_percent') }}, 0) as percent_discount
    from valued
),

final as (
    select
        usage_key as line_key,
        customer_id,
        entity,
        currency,
        country,
        subscription_id,
        charge_id,
        meter,
        product,
        tax_code,
        tax_behavior,
        description,
        service_period_start,
        service_period_end,
        billing_month,
        priced_quantity as quantity,
        kept_quantity,
        event_count,
        price_version,
        billing_increment,
        billing_increment_rounding,
        gross_amount,
        cast(percent_discount as {{ precise_amount_type() }}) as percent_discount,
        case
            when gross_amount - percent_discount > maximum_amount then cast(gross_amount - percent_discount - maximum_amount as {{ precise_amount_type() }})
            else cast(0 as {{ precise_amount_type() }})
        end as maximum_discount,
        case
            when gross_amount - percent_discount < minimum_amount then cast(minimum_amount as {{ precise_amount_type() }})
            when gross_amount - percent_discount > maximum_amount then cast(maximum_amount as {{ precise_amount_type() }})
            else cast(gross_amount - percent_discount as {{ precise_amount_type() }})
        end as amount_precise,
        {{ digest(dbt.concat(["fingerprint", "'|'", "coalesce(price_id || '/' || price_version || '/' || price_fingerprint, '-')", "'|'", "coalesce(charge_model, '-')", "'|" ~ var('rating_version') ~ "'"])) }} as fingerprint,
        case
            when subscription_id is null then 'no_subscription'
            when is_negative and coalesce(negative_usage, 'hold') = 'hold' then 'negative_net_usage'
            when price_id is null then 'missing_price'
            when overflow_count > 0 or gross_amount is null then 'amount_out_of_range'
            when beyond_count > 0 then 'missing_price'
        end as hold_reason
    from discounted
)

select * from final
