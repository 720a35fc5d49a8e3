{{ config(materialized='view') }}

with

discounted_lines as (
    select * from {{ ref('discounted_lines') }}
),

rated_commitments as (
    select * from {{ ref('rated_commitments') }}
),

rated_adjustments as (
    select * from {{ ref('rated_adjustments') }}
),

combined as (
    select
        line_key,
        kind,
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
        period_start,
        service_period_start,
        service_period_end,
        billing_month,
        quantity,
        kept_quantity,
        event_count,
        price_version,
        amount_precise,
        gross_minor,
        discount_minor,
        amount_minor,
        fingerprint,
        hold_reason
    from discounted_lines
    union all
    select
        line_key,
        'commitment' as kind,
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
        amount_precise,
        amount_minor as gross_minor,
        cast(0 as bigint) as discount_minor,
        amount_minor,
        fingerprint,
        hold_reason
    from rated_commitments
    union all
    select
        line_key,
        'adjustment' as kind,
        customer_id,
        entity,
        currency,
        country,
        cast(null as varchar) as subscription_id,
        cast(null as varchar) as charge_id,
        cast(null as varchar) as meter,
        product,
        tax_code,
        'exclusive' as tax_behavior,
        description,
        period_start,
        service_period_start,
        service_period_end,
        billing_month,
        cast(null as {{ quantity_type() }}) as quantity,
        cast(null as {{ quantity_type() }}) as kept_quantity,
        cast(0 as bigint) as event_count,
        cast(null as varchar) as price_version,
        amount_precise,
        amount_minor as gross_minor,
        cast(0 as bigint) as discount_minor,
        amount_minor,
        fingerprint,
        hold_reason
    from rated_adjustments
),

final as (
    select
        line_key,
        {{ dbt.concat(["coalesce(subscription_id, 'unsubscribed:' || customer_id)", "'/'", "cast(period_start as varchar)"]) }} as group_key,
        kind,
        customer_id,
        entity,
        currency,
        country,
        subscription_id,
        charge_id,
        meter,
        product,
        tax_code,
        coalesce(tax_behavior, 'exclusive') as tax_behavior,
        description,
        period_start,
        service_period_start,
        service_period_end,
        billing_month,
        quantity,
        kept_quantity,
        event_count,
        price_version,
        amount_precise,
        gross_minor,
        discount_minor,
        amount_minor,
        fingerprint,
        hold_reason
    from combined
)

select * from final
