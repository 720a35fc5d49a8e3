with

latest as (
    {{ latest_landed(under_stable_key(source('raw_billing', 'subscriptions'), 'subscription_id', 'subscription'), ['stable_subscription_id', 'version']) }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

plans as (
    select * from {{ ref('stg_billing__plans') }}
),

typed as (
    select
        subscription_id,
        version as subscription_version,
        customer_id,
        plan_id,
        {{ blank_to_null('starts_on') }} as starts_on_text,
        {{ blank_to_null('ends_on') }} as ends_on_text,
        {{ safe_cast_to(blank_to_null('starts_on'), 'date') }} as starts_on,
        {{ safe_cast_to(blank_to_null('ends_on'), 'date') }} as ends_on,
        file_name,
        line_number
    from latest
),

checked as (
    select
        typed.*,
        case
            when typed.starts_on is null or (typed.ends_on_text is not null and typed.ends_on is null) then 'not_a_date'
            when typed.ends_on < typed.starts_on then 'ends_before_it_starts'
            when customers.customer_id is null then 'unknown_customer'
            when plans.plan_id is null then 'unknown_plan'
        end as violation
    from typed
    left join customers on typed.customer_id = customers.customer_id
    left join plans on typed.plan_id = plans.plan_id
),

final as (
    select
        subscription_id,
        subscription_version,
        customer_id,
        plan_id,
        file_name,
        line_number,
        violation
    from checked
    where violation is not null
)

select * from final
