with

subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

charges as (
    select * from {{ ref('stg_billing__charges') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

final as (
    select
        subscriptions.subscription_id,
        subscriptions.subscription_version,
        subscriptions.customer_id,
        subscriptions.plan_id,
        subscriptions.starts_on,
        subscriptions.ends_on,
        subscriptions.trial_ends_on,
        subscriptions.starts_at,
        subscriptions.ends_at,
        charges.charge_id,
        charges.kind,
        charges.charge_model,
        charges.meter,
        charges.billing_timing,
        charges.product,
        charges.tax_code,
        charges.description,
        charges.grouped_by,
        charges.applies_to,
        customers.entity,
        customers.currency,
        customers.country
    from subscriptions
    inner join charges on subscriptions.plan_id = charges.plan_id
    inner join customers on subscriptions.customer_id = customers.customer_id
)

select * from final
