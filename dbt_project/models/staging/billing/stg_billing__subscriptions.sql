with

landed as (
    select
        stated.*,
        first_value(customer_id) over (
            partition by stable_subscription_id
            order by landed_on asc, file_name asc, line_number asc
        ) as first_customer_id
    from {{ under_stable_key(source('raw_billing', 'subscriptions'), 'subscription_id', 'subscription') }} as stated
),

latest as (
    {{ latest_landed('landed', ['stable_subscription_id', 'version']) }}
),

merged_customers as (
    select distinct
        customer_id,
        survivor_id
    from {{ ref('stg_crm__merged_customers') }}
),

-- Whose a subscription was before a merge, also when it is delivered again with the survivor: what was used before stays with it.
final as (
    select
        latest.stable_subscription_id as subscription_id,
        latest.version as subscription_version,
        coalesce(merged_customers.customer_id, latest.customer_id) as customer_id,
        latest.plan_id,
        {{ safe_cast_to(blank_to_null('latest.starts_on'), 'date') }} as starts_on,
        {{ safe_cast_to(blank_to_null('latest.ends_on'), 'date') }} as ends_on,
        {{ safe_cast_to(blank_to_null('latest.anchor_on'), 'date') }} as anchor_on,
        {{ safe_cast_to(blank_to_null('latest.trial_ends_on'), 'date') }} as trial_ends_on,
        {{ instant_of(blank_to_null('latest.starts_at')) }} as starts_at,
        {{ instant_of(blank_to_null('latest.ends_at')) }} as ends_at
    from latest
    left join merged_customers
        on
            latest.first_customer_id = merged_customers.customer_id
            and latest.customer_id = merged_customers.survivor_id
)

select * from final
where starts_on is not null
