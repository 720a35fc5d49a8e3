with

moves as (
    select * from {{ ref('stg_ledger__moves') }}
),

move_lines as (
    select * from {{ ref('stg_ledger__move_lines') }}
),

owned_accounts as (
    select * from {{ ref('owned_accounts') }}
),

listings as (
    select * from {{ ref('stg_finance__foreign_entries') }}
    where
        violation is null
        and status = 'listed'
),

-- The whole entry, once one of its lines is on an account of ours.
touching as (
    select
        move_lines.entity,
        move_lines.period,
        move_lines.remote_id,
        {{ sum_whole('greatest(move_lines.signed_functional_minor, 0)') }} as amount_minor
    from move_lines
    left join owned_accounts
        on
            move_lines.entity = owned_accounts.entity
            and move_lines.account_code = owned_accounts.account
            and move_lines.period >= owned_accounts.first_period
    group by
        move_lines.entity,
        move_lines.period,
        move_lines.remote_id
    having count(owned_accounts.account) > 0
),

-- A move that was dated anew is in the read-backs of two months.
referenced as (
    select
        entity,
        remote_id,
        min(reference) as reference
    from moves
    group by
        entity,
        remote_id
),

final as (
    select
        moves.entity,
        moves.period,
        moves.remote_id,
        moves.number as entry_number,
        moves.posting_date,
        moves.description,
        cancelled.reference as cancelled_reference,
        touching.amount_minor,
        listings.amount_minor as listed_minor,
        listings.reason,
        listings.owner,
        listings.landed_on as listed_on,
        case
            when listings.entry_number is null then 'not_listed'
            when listings.amount_minor <> touching.amount_minor then 'listed_with_another_amount'
            else 'listed'
        end as status
    from moves
    inner join touching
        on
            moves.entity = touching.entity
            and moves.period = touching.period
            and moves.remote_id = touching.remote_id
    left join referenced as cancelled
        on
            moves.entity = cancelled.entity
            and moves.cancels_remote_id = cancelled.remote_id
    left join listings
        on
            moves.entity = listings.entity
            and moves.number = listings.entry_number
            and moves.posting_date = listings.posting_date
    where
        moves.reference is null
        and moves.state = 'posted'
)

select * from final
