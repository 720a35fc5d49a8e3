with

account_balances as (
    select * from {{ ref('account_balances') }}
),

final as (
    select
        entity,
        period,
        account,
        min(account_name) as account_name,
        min(account_type) as account_type,
        functional_currency,
        functional_exponent,
        cast({{ sum_whole('functional_opening_minor') }} as bigint) as opening_minor,
        cast({{ sum_whole('functional_debit_minor') }} as bigint) as debit_minor,
        cast({{ sum_whole('functional_credit_minor') }} as bigint) as credit_minor,
        cast({{ sum_whole('functional_closing_minor') }} as bigint) as closing_minor
    from account_balances
    group by
        entity,
        period,
        account,
        functional_currency,
        functional_exponent
)

select * from final
