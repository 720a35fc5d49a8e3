with

credit_grants as (
    {{ credit_grants(ref('stg_register_closing__billing_lines'), ref('stg_register_closing__openings')) }}
),

credit_applications as (
    select * from {{ ref('stg_register_closing__credit_applications') }}
),

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
),

-- As of the last day that landed.
as_of as (
    select max(landed_on) as as_of from landed_files
),

balances as (
    {{ credit_balances('credit_grants', 'credit_applications') }}
),

final as (
    select
        balances.grant_id,
        balances.origin,
        balances.customer_id,
        balances.entity,
        balances.currency,
        balances.kind,
        balances.granted_on,
        balances.expires_on,
        balances.priority,
        balances.granted_minor,
        balances.applied_minor,
        balances.restored_minor,
        case when balances.expires_on <= as_of.as_of then balances.balance_minor else 0 end as expired_minor,
        case when balances.expires_on <= as_of.as_of then 0 else balances.balance_minor end as open_minor,
        as_of.as_of
    from balances
    cross join as_of
)

select * from final
