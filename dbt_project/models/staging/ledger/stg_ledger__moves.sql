with

latest as (
    {{ latest_read_back(source('read_backs', 'ledger_moves'), ledger_read_backs()) }}
),

final as (
    select
        entity,
        period,
        remote_id,
        reference,
        number,
        state,
        posting_date,
        erp_period,
        description,
        cancels_remote_id,
        written_at
    from latest
)

select * from final
