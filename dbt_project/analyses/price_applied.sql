-- question: Which price applied to this line?
-- grain: one row per tier of the price that the line used, or one for a fee; before discounts the amounts add up to what was rated
-- parameter line, required: key of the line, on its document or as it was rated, such as S0001/starter.api_calls/2026-01-01
with

charged_usage as (
    select * from {{ ref('charged_usage') }}
),

period_charges as (
    select * from {{ ref('period_charges') }}
),

rated_tiers as (
    select * from {{ ref('rated_tiers') }}
),

rated_transactions as (
    select * from {{ ref('rated_transactions') }}
),

rated_fees as (
    select * from {{ ref('rated_fees') }}
),

price_tiers as (
    select * from {{ ref('stg_billing__price_tiers') }}
),

price_versions as (
    select * from {{ ref('stg_billing__price_versions') }}
),

tiers as (
    select
        rated_tiers.usage_key as line_key,
        charged_usage.price_id,
        charged_usage.price_version,
        charged_usage.currency,
        rated_tiers.tier_from,
        rated_tiers.tier_up_to,
        rated_tiers.tier_quantity as quantity,
        rated_tiers.unit_price,
        rated_tiers.flat_fee,
        rated_tiers.amount_precise
    from rated_tiers
    inner join charged_usage on rated_tiers.usage_key = charged_usage.usage_key and rated_tiers.bucket = charged_usage.bucket
),

transactions as (
    select
        rated_transactions.usage_key as line_key,
        any_value(charged_usage.price_id) as price_id,
        any_value(charged_usage.price_version) as price_version,
        any_value(charged_usage.currency) as currency,
        cast(null as decimal(38, 13)) as tier_from,
        cast(null as decimal(38, 13)) as tier_up_to,
        sum(rated_transactions.paid_quantity) as quantity,
        rated_transactions.unit_price,
        cast(null as decimal(24, 12)) as flat_fee,
        sum(rated_transactions.amount_precise) as amount_precise
    from rated_transactions
    inner join charged_usage on rated_transactions.usage_key = charged_usage.usage_key
    group by rated_transactions.usage_key, rated_transactions.unit_price
),

fees as (
    select
        rated_fees.line_key,
        period_charges.price_id,
        period_charges.price_version,
        rated_fees.currency,
        cast(null as decimal(38, 13)) as tier_from,
        cast(null as decimal(38, 13)) as tier_up_to,
        cast(null as decimal(38, 13)) as quantity,
        period_charges.fee as unit_price,
        cast(null as decimal(24, 12)) as flat_fee,
        cast(rated_fees.amount_precise as decimal(38, 25)) as amount_precise
    from rated_fees
    inner join period_charges on rated_fees.line_key = period_charges.line_key
),

applied as (
    select * from tiers
    union all
    select * from transactions
    union all
    select * from fees
),

final as (
    select
        applied.line_key,
        applied.price_id,
        applied.price_version,
        price_versions.effective_from,
        price_versions.effective_to,
        price_versions.customer_id as agreed_with,
        applied.currency,
        applied.tier_from,
        applied.tier_up_to,
        applied.quantity,
        applied.unit_price,
        applied.flat_fee,
        applied.amount_precise,
        price_tiers.file_name,
        price_tiers.line_number
    from applied
    left join price_versions on applied.price_id = price_versions.price_id and applied.price_version = price_versions.price_version
    left join price_tiers
        on
            applied.price_id = price_tiers.price_id
            and applied.price_version = price_tiers.price_version
            and applied.tier_from is not distinct from price_tiers.tier_from
    -- The key on a document is the rated one, '@' and the document.
    where applied.line_key in ({{ parameter('line') }}, split_part({{ parameter('line') }}, '@', 1))
)

select * from final
order by line_key, tier_from
