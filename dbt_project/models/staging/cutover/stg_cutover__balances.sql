with

latest as (
    {{ latest_landed(source('raw_finance', 'opening_balances'), [blank_to_null('entity_id'), blank_to_null('account_code'), 'upper(' ~ blank_to_null('currency') ~ ')']) }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

typed as (
    select
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('account_code') }} as account_code,
        upper({{ blank_to_null('currency') }}) as currency,
        {{ typed_amounts('amount') }},
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
        valued.account_code,
        valued.currency,
        valued.currency_exponent,
        valued.functional_currency,
        valued.exchange_rate,
        valued.amount_minor,
        valued.functional_minor,
        valued.opening_date,
        valued.file_name,
        valued.line_number,
        case
            when valued.amount_violation is not null then valued.amount_violation
            when accounts.account_code is null then 'unknown_account'
        end as violation
    from valued
    left join accounts
        on
            valued.entity = accounts.entity
            and valued.account_code = accounts.account_code
)

select * from final
