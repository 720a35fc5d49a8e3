with

latest as (
    {{ latest_read_back(source('read_backs', 'tryton_account_movements'), 'tryton') }}
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
