with

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

plans as (
    select * from {{ ref('stg_billing__plans') }}
),

subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

subscription_charges as (
    select * from {{ ref('subscription_charges') }}
    where kind = 'usage'
),

merged_customers as (
    select * from {{ ref('stg_crm__merged_customers') }}
),

merged_claimants as (
    select * from {{ ref('merged_claimants') }}
),

regrouped_charges as (
    select
        charge_id,
        {{ ordered_text("stated_key || '=' || stable_key", 'stated_key') }} as stable_keys
    from {{ ref('stg_crm__stable_keys') }}
    where kind = 'dimension'
    group by charge_id
),

-- A subscription claims usage by its dates and its charges, in periods that follow from its plan and from when it first started.
claims as (
    select
        subscription_charges.customer_id,
        {{ dbt.concat([
            "subscription_charges.subscription_id", "'|'", "subscription_charges.subscription_version", "'|'", "subscription_charges.plan_id", "'|'",
            "subscription_charges.charge_id", "'|'", "subscription_charges.charge_model", "'|'", "coalesce(subscription_charges.meter, '')", "'|'",
            "coalesce(subscription_charges.grouped_by, '')", "'|'", "cast(subscription_charges.starts_on as varchar)", "'|'",
            "coalesce(cast(subscription_charges.ends_on as varchar), '')", "'|'", "coalesce(plans.anchor, '')", "'|'", "coalesce(plans.period_unit, '')", "'|'",
            "coalesce(cast(plans.period_count as varchar), '')", "'|'", "coalesce(plans.violation, '')",
            "coalesce('|' || regrouped_charges.stable_keys, '')"
        ]) }} as terms
    from subscription_charges
    left join plans on subscription_charges.plan_id = plans.plan_id
    left join regrouped_charges on subscription_charges.charge_id = regrouped_charges.charge_id
    union all
    select
        customer_id,
        {{ dbt.concat([
            "subscription_id", "'|'", "subscription_version", "'|'", "plan_id", "'|'", "cast(starts_on as varchar)", "'|'",
            "coalesce(cast(anchor_on as varchar), '')"
        ]) }} as terms
    from subscriptions
    union all
    select
        customer_id,
        {{ dbt.concat(["'merged|'", "survivor_id", "'|'", "cast(effective_from as varchar)"]) }} as terms
    from merged_customers
),

-- Customers of a merge are replaced together: a subscription of each may claim what the others used.
known_claims as (
    select
        customer_id,
        terms
    from claims
    union all
    select
        merged_claimants.customer_id,
        claims.terms
    from merged_claimants
    inner join claims on merged_claimants.claimant_customer_id = claims.customer_id
),

final as (
    select
        'customer' as kind,
        customer_id as reference_key,
        time_zone as fingerprint
    from customers
    union all
    select
        'meter' as kind,
        meter as reference_key,
        {{ digest(dbt.concat([
            "coalesce(aggregation, '')", "'|'", "coalesce(dimensions, '')", "'|'", "coalesce(counted_attribute, '')", "'|'",
            "coalesce(amount_attribute, '')", "'|'", "cast(cast(largest_quantity as " ~ quantity_type() ~ ") as varchar)"
        ])) }} as fingerprint
    from meters
    union all
    select
        'subscriptions' as kind,
        customer_id as reference_key,
        {{ digest(ordered_text('terms', 'terms')) }} as fingerprint
    from known_claims
    group by customer_id
    union all
    select
        'rules' as kind,
        '*' as reference_key,
        '{{ var("dedupe_window_days") }}|{{ var("largest_quantity") }}|{{ var("clock_tolerance_minutes") }}' as fingerprint
)

select * from final
