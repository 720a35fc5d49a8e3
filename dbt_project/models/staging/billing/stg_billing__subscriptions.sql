with

latest as (
    {{ latest_landed(source('raw_billing', 'subscriptions'), ['subscription_id', 'version']) }}
),

final as (
    select
        subscription_id,
        version as subscription_version,
        customer_id,
        plan_id,
        {{ safe_cast_to(blank_to_null('starts_on'), 'date') }} as starts_on,
        {{ safe_cast_to(blank_to_null('ends_on'), 'date') }} as ends_on,
        {{ safe_cast_to(blank_to_null('anchor_on'), 'date') }} as anchor_on,
        {{ safe_cast_to(blank_to_null('trial_ends_on'), 'date') }} as trial_ends_on,
        {{ instant_of(blank_to_null('starts_at')) }} as starts_at,
        {{ instant_of(blank_to_null('ends_at')) }} as ends_at
    from latest
)

select * from final
where starts_on is not null
