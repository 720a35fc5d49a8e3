with

rated_usage as (
    select * from {{ ref('rated_usage') }}
),

rated_fees as (
    select * from {{ ref('rated_fees') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

plans as (
    select * from {{ ref('stg_billing__plans') }}
),

refused_charges as (
    select distinct plan_id from {{ ref('refused_charges') }}
),

combined as (
    select
        line_key,
        'usage' as kind,
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
        service_period_start as period_start,
        service_period_start,
        service_period_end,
        billing_month,
        quantity,
        kept_quantity,
        event_count,
        price_version,
        amount_precise,
        cast(null as bigint) as amount_minor,
        billing_increment,
        billing_increment_rounding,
        fingerprint,
        hold_reason
    from rated_usage
    union all
    select
        line_key,
        kind,
        customer_id,
        entity,
        currency,
        country,
        subscription_id,
        charge_id,
        cast(null as varchar) as meter,
        product,
        tax_code,
        tax_behavior,
        description,
        period_start,
        service_period_start,
        service_period_end,
        billing_month,
        cast(null as {{ quantity_type() }}) as quantity,
        cast(null as {{ quantity_type() }}) as kept_quantity,
        cast(0 as bigint) as event_count,
        price_version,
        cast(amount_precise as {{ precise_amount_type() }}) as amount_precise,
        amount_minor,
        cast(null as bigint) as billing_increment,
        cast(null as varchar) as billing_increment_rounding,
        fingerprint,
        hold_reason
    from rated_fees
),

refused_subscriptions as (
    select
        subscriptions.subscription_id,
        max(case when plans.plan_id is null then 'unknown_plan' when plans.violation is not null then 'refused_plan' when refused_charges.plan_id is not null then 'refused_charge' end) as hold_reason
    from subscriptions
    left join plans on subscriptions.plan_id = plans.plan_id
    left join refused_charges on subscriptions.plan_id = refused_charges.plan_id
    group by subscriptions.subscription_id
),

final as (
    select
        combined.line_key,
        combined.kind,
        combined.customer_id,
        coalesce(entities.entity, 'unassigned') as entity,
        coalesce(combined.currency, 'XXX') as currency,
        combined.country,
        combined.subscription_id,
        combined.charge_id,
        combined.meter,
        combined.product,
        combined.tax_code,
        combined.tax_behavior,
        combined.description,
        combined.period_start,
        combined.service_period_start,
        combined.service_period_end,
        combined.billing_month,
        combined.quantity,
        combined.kept_quantity,
        combined.event_count,
        combined.price_version,
        combined.amount_precise,
        case
            when combined.amount_minor is not null then combined.amount_minor
            -- An increment that is larger than the minor unit is rounded to at once.
            when combined.billing_increment is not null and combined.amount_precise >= 0 and combined.amount_precise < 1000000000000
                then cast({{ quotient(
                    "(cast(cast(combined.amount_precise as decimal(25, 12)) * cast(1000000000000 as decimal(13, 0)) as " ~ wide_integer() ~ ") * coalesce(currencies.minor_units, 1))",
                    "(combined.billing_increment * 1000000000000)", 'combined.billing_increment_rounding') }} * combined.billing_increment as bigint)
            else {{ to_minor('combined.amount_precise', 'coalesce(currencies.minor_units, 1)') }}
        end as amount_minor,
        combined.fingerprint,
        case
            when entities.entity is null then 'missing_legal_entity'
            when currencies.currency is null then 'unknown_currency'
            when combined.billing_month < {{ month_start('entities.cutover_on') }} then 'before_cutover'
            when refused_subscriptions.hold_reason is not null then refused_subscriptions.hold_reason
            else combined.hold_reason
        end as hold_reason
    from combined
    left join entities on combined.entity = entities.entity
    left join currencies on combined.currency = currencies.currency
    left join refused_subscriptions on combined.subscription_id = refused_subscriptions.subscription_id
)

select * from final
