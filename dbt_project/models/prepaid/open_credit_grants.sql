with

credit_grants as (
    select * from {{ ref('credit_grants') }}
),

credit_applications as (
    select * from {{ ref('stg_register_opening__credit_applications') }}
),

balances as (
    {{ credit_balances('credit_grants', 'credit_applications') }}
),

final as (
    select
        grant_id,
        origin,
        customer_id,
        entity,
        currency,
        kind,
        product,
        granted_minor,
        applied_minor,
        restored_minor,
        balance_minor,
        granted_on,
        expires_on,
        priority,
        liability_account,
        row_number() over (
            partition by entity, customer_id, currency
            order by
                {% if var('promotional_credits_first') %}
                    case when kind = 'promotional' then 0 else 1 end asc,
                {% endif %}
                expires_on asc nulls last,
                priority asc,
                grant_id asc
        ) as place
    from balances
    where balance_minor > 0
)

select * from final
