with

moves as (
    select * from {{ source('read_backs', 'ledger_moves') }}
    where state = 'posted'
),

completed as (
    select
        read_id,
        entity,
        period
    from {{ source('read_backs', 'read_backs') }}
    where {{ ledger_read_backs() }}
),

-- Every read counts, not the latest only: what was written after the first one that showed the move as posted is an edit.
final as (
    select
        moves.entity,
        moves.remote_id,
        count(distinct moves.written_at) as write_count,
        max(moves.written_at) as last_written_at
    from moves
    inner join completed
        on
            moves.read_id = completed.read_id
            and moves.entity = completed.entity
            and moves.period = completed.period
    group by
        moves.entity,
        moves.remote_id
)

select * from final
