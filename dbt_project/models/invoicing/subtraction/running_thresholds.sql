with

threshold_charges as (
    select * from {{ ref('period_charges') }}
    where
        kind = 'threshold'
        and price_id is not null
),

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- What is running is judged by what has landed, never by a clock.
as_of as (
    select max(landed_on) as as_of from landed_files
),

-- Of several thresholds the lowest counts: whatever is billed starts the next one anew.
final as (
    select
        {{ dbt.concat(["threshold_charges.subscription_id", "'/'", "cast(threshold_charges.period_start as varchar)"]) }} as group_key,
        threshold_charges.subscription_id,
        threshold_charges.customer_id,
        threshold_charges.currency,
        threshold_charges.period_start,
        threshold_charges.period_end,
        as_of.as_of,
        min({{ to_minor('threshold_charges.fee', 'currencies.minor_units') }}) as threshold_minor
    from threshold_charges
    inner join currencies on threshold_charges.currency = currencies.currency
    inner join as_of
        on
            threshold_charges.served_from <= as_of.as_of
            and threshold_charges.served_to > as_of.as_of
    group by
        threshold_charges.subscription_id,
        threshold_charges.customer_id,
        threshold_charges.currency,
        threshold_charges.period_start,
        threshold_charges.period_end,
        as_of.as_of
)

select * from final
