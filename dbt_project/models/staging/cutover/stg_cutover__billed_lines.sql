with

subscriptions as (
    select distinct
        subscription_id,
        customer_id
    from {{ ref('stg_billing__subscriptions') }}
),

charges as (
    select * from {{ ref('stg_billing__charges') }}
),

keyed_subscriptions as (
    select * from {{ under_stable_key(source('raw_finance', 'opening_billed_lines'), 'subscription_id', 'subscription') }} as stated_subscriptions
),

keyed as (
    select * from {{ under_stable_key('keyed_subscriptions', 'charge_id', 'charge') }} as stated_charges
),

latest as (
    {{ latest_landed('keyed', [
        blank_to_null('entity_id'), blank_to_null('stable_subscription_id'), blank_to_null('stable_charge_id'), blank_to_null('dimensions'),
        safe_cast_to(blank_to_null('service_period_start'), 'date')
    ]) }}
),

-- It is compared in the terms of the price and posts nothing, so that nothing is converted.
typed as (
    select
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('stable_subscription_id') }} as subscription_id,
        {{ blank_to_null('stable_charge_id') }} as charge_id,
        coalesce({{ blank_to_null('dimensions') }}, '') as dimensions,
        {{ safe_cast_to(blank_to_null('service_period_start'), 'date') }} as service_period_start,
        {{ safe_cast_to(blank_to_null('service_period_end'), 'date') }} as service_period_end,
        upper({{ blank_to_null('currency') }}) as currency,
        {{ safe_cast_to(blank_to_null('amount'), quantity_type()) }} as amount,
        cast(null as {{ quantity_type() }}) as functional_amount,
        cast(null as varchar) as functional_text,
        cast(1 as {{ rate_type() }}) as stated_rate,
        cast(null as varchar) as rate_text,
        {{ blank_to_null('quantity') }} as quantity,
        file_name,
        line_number
    from latest
),

valued as (
    {{ opened_amounts('typed') }}
),

final as (
    select
        valued.entity,
        valued.subscription_id,
        valued.charge_id,
        valued.dimensions,
        {{ usage_key('valued.subscription_id', 'valued.charge_id', 'valued.service_period_start', 'valued.dimensions') }} as line_key,
        subscriptions.customer_id,
        charges.product,
        valued.service_period_start,
        valued.service_period_end,
        valued.currency,
        valued.currency_exponent,
        valued.functional_currency,
        valued.amount_minor,
        valued.quantity,
        valued.opening_date,
        valued.file_name,
        valued.line_number,
        case
            when valued.amount_violation is not null then valued.amount_violation
            when subscriptions.subscription_id is null then 'unknown_subscription'
            when charges.charge_id is null then 'unknown_charge'
            when valued.service_period_start is null or valued.service_period_end is null then 'not_a_date'
            when valued.service_period_end <= valued.service_period_start then 'ends_before_it_starts'
            when valued.service_period_start >= valued.opening_date then 'not_before_cutover'
            when valued.amount_minor < 0 then 'not_positive'
        end as violation
    from valued
    left join subscriptions on valued.subscription_id = subscriptions.subscription_id
    left join charges on valued.charge_id = charges.charge_id
)

select * from final
