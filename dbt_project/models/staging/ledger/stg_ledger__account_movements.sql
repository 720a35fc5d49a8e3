with

latest as (
    {{ latest_read_back(source('read_backs', 'ledger_account_movements'), ledger_read_backs()) }}
),

final as (
    select
        entity,
        period,
        account_code,
        debit_minor,
        credit_minor
    from latest
)

select * from final
