with

sealed_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
    -- What was carried over is in the ERP by the former system's entries.
    where
        state <> 'rejected'
        and system <> 'register'
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

moves as (
    select * from {{ ref('stg_ledger__moves') }}
),

move_lines as (
    select * from {{ ref('stg_ledger__move_lines') }}
),

move_writes as (
    select * from {{ ref('stg_ledger__move_writes') }}
),

foreign_entries as (
    select * from {{ ref('foreign_entries') }}
),

listings as (
    select * from {{ ref('stg_finance__foreign_entries') }}
    where
        violation is null
        and status = 'listed'
),

own_entries as (
    select
        moves.entity,
        moves.period,
        {{ dbt.concat(["moves.reference", "' '", "moves.state"]) }} as subject,
        {{ sum_whole('greatest(move_lines.signed_functional_minor, 0)') }} as amount_minor
    from moves
    inner join move_lines
        on
            moves.entity = move_lines.entity
            and moves.period = move_lines.period
            and moves.remote_id = move_lines.remote_id
    where moves.reference is not null
    group by
        moves.entity,
        moves.period,
        moves.reference,
        moves.state
),

listed_in_vain as (
    select
        listings.entity,
        {{ period_of('listings.posting_date') }} as period,
        {{ dbt.concat(["listings.entry_number", "' is listed and not in the ledger'"]) }} as subject,
        listings.amount_minor
    from listings
    left join moves
        on
            listings.entity = moves.entity
            and listings.entry_number = moves.number
            and listings.posting_date = moves.posting_date
            and moves.state = 'posted'
    where
        moves.remote_id is null
        -- A month that was never read back says nothing of its entries.
        and exists (
            select 1
            from moves as read
            where
                read.entity = listings.entity
                and read.period = {{ period_of('listings.posting_date') }}
        )
),

-- A listing answers for what was written up to the day on which it arrived, of an entry of ours as of others.
edited as (
    select
        moves.entity,
        moves.period,
        {{ dbt.concat(["coalesce(moves.reference, moves.number)", "' was written again '", "cast(move_writes.last_written_at as varchar)"]) }} as subject,
        move_writes.write_count - 1 as edit_count,
        case when cast(move_writes.last_written_at as date) <= listings.landed_on then move_writes.write_count - 1 else 0 end as excused_count,
        {{ dbt.concat(["'listed: '", "listings.reason", "' ('", "listings.owner", "')'"]) }} as explanation
    from moves
    inner join move_writes
        on
            moves.entity = move_writes.entity
            and moves.remote_id = move_writes.remote_id
    left join foreign_entries
        on
            moves.entity = foreign_entries.entity
            and moves.period = foreign_entries.period
            and moves.remote_id = foreign_entries.remote_id
    left join listings
        on
            moves.entity = listings.entity
            and moves.number = listings.entry_number
            and moves.posting_date = listings.posting_date
    where
        move_writes.write_count > 1
        and (moves.reference is not null or foreign_entries.remote_id is not null)
),

held_by_ledger as (
    select
        own_entries.entity,
        own_entries.period,
        'amount' as measure,
        entities.functional_currency as unit,
        own_entries.subject,
        own_entries.amount_minor as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from own_entries
    inner join entities on own_entries.entity = entities.entity
    union all
    select
        foreign_entries.entity,
        foreign_entries.period,
        'amount' as measure,
        entities.functional_currency as unit,
        {{ dbt.concat([
            "foreign_entries.entry_number", "' '", "cast(foreign_entries.posting_date as varchar)", "' '",
            "coalesce('cancels ' || foreign_entries.cancelled_reference, foreign_entries.description, 'without description')"
        ]) }} as subject,
        foreign_entries.amount_minor as compared_value,
        coalesce(foreign_entries.listed_minor, 0) as excused_value,
        {{ dbt.concat(["'listed: '", "foreign_entries.reason", "' ('", "foreign_entries.owner", "')'"]) }} as explanation,
        foreign_entries.status <> 'listed' as must_exist
    from foreign_entries
    inner join entities on foreign_entries.entity = entities.entity
    union all
    select
        listed_in_vain.entity,
        listed_in_vain.period,
        'amount' as measure,
        entities.functional_currency as unit,
        listed_in_vain.subject,
        0 as compared_value,
        listed_in_vain.amount_minor as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from listed_in_vain
    inner join entities on listed_in_vain.entity = entities.entity
    union all
    select
        entity,
        period,
        'edits' as measure,
        'edits' as unit,
        subject,
        edit_count as compared_value,
        excused_count as excused_value,
        explanation,
        false as must_exist
    from edited
),

sealed as (
    select
        sealed_lines.entity,
        sealed_lines.period,
        'amount' as measure,
        entities.functional_currency as unit,
        {{ dbt.concat(["sealed_lines.reference", "' posted'"]) }} as subject,
        sum(case when sealed_lines.side = 'debit' then sealed_lines.functional_minor else 0 end) as compared_value
    from sealed_lines
    inner join entities on sealed_lines.entity = entities.entity
    group by
        sealed_lines.entity,
        sealed_lines.period,
        entities.functional_currency,
        sealed_lines.reference
),

final as (
    {{ comparison('held_by_ledger', 'sealed', 'K8') }}
)

select * from final
