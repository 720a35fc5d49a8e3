with

latest as (
    {{ latest_read_back(source('read_backs', 'ledger_move_lines'), ledger_read_backs()) }}
),

final as (
    select
        entity,
        period,
        remote_id,
        remote_line_id,
        line_key,
        account_code,
        debit_minor,
        credit_minor,
        debit_minor - credit_minor as signed_functional_minor,
        currency,
        amount_minor as signed_minor,
        party_code
    from latest
)

select * from final
