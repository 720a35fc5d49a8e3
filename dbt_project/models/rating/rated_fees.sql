with

fee_charges as (
    select * from {{ ref('period_charges') }}
    where kind in ('fee', 'prepaid')
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- The fee in 10^-12 of a unit is an integer, so the proration is one integer division, rounded once.
final as (
    select
        fee_charges.line_key,
        fee_charges.kind,
        fee_charges.customer_id,
        fee_charges.entity,
        fee_charges.currency,
        fee_charges.country,
        fee_charges.subscription_id,
        fee_charges.charge_id,
        fee_charges.product,
        fee_charges.tax_code,
        fee_charges.tax_behavior,
        fee_charges.description,
        fee_charges.period_start,
        fee_charges.served_from as service_period_start,
        fee_charges.served_to as service_period_end,
        fee_charges.billing_month,
        fee_charges.price_version,
        fee_charges.served_units,
        fee_charges.period_units,
        {{ prorated_amount('fee_charges.fee', 'fee_charges.served_units', 'fee_charges.period_units') }} as amount_precise,
        {{ prorated_minor('fee_charges.fee', 'fee_charges.served_units', 'fee_charges.period_units', 'currencies.minor_units') }} as amount_minor,
        fee_charges.fingerprint,
        case when fee_charges.price_id is null then 'missing_price' end as hold_reason
    from fee_charges
    left join currencies on fee_charges.currency = currencies.currency
)

select * from final
