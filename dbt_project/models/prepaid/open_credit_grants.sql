with

credit_grants as (
    select * from {{ ref('credit_grants') }}
),

credit_applications as (
    select * from {{ ref('stg_register_opening__credit_applications') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
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
        balances.product,
        coalesce(customers.country, '*') as country,
        balances.granted_minor,
        balances.applied_minor,
        balances.restored_minor,
        balances.balance_minor,
        balances.granted_on,
        balances.expires_on,
        balances.priority,
        balances.liability_account,
        row_number() over (
            partition by balances.entity, balances.customer_id, balances.currency
            order by
                {% if var('promotional_credits_first') %}
                    case when balances.kind = 'promotional' then 0 else 1 end asc,
                {% endif %}
                balances.expires_on asc nulls last,
                balances.priority asc,
                balances.grant_id asc
        ) as place
    from balances
    left join customers on balances.customer_id = customers.customer_id
    where balances.balance_minor > 0
)

select * from final
