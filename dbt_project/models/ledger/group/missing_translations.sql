with

translated_balances as (
    select * from {{ ref('translated_balances') }}
    where missing_rate is not null
),

final as (
    select distinct
        entity,
        period,
        functional_currency,
        group_currency,
        missing_rate
    from translated_balances
)

select * from final
