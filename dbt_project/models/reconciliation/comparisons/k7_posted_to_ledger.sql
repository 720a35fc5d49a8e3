with

sealed_lines as (
    select * from {{ ref('stg_register_closing__posted_lines') }}
    -- What was carried over was posted by the former system, under a reference of its own.
    where system <> 'register'
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

moves as (
    select * from {{ ref('stg_ledger__moves') }}
    where reference is not null
),

move_lines as (
    select * from {{ ref('stg_ledger__move_lines') }}
),

-- Account, date, period and status are part of what is compared: a silent re-date is a break on both sides.
sealed as (
    select
        sealed_lines.entity,
        sealed_lines.period,
        {{ dbt.concat([
            "sealed_lines.reference", "' '", "sealed_lines.line_key", "' '", "sealed_lines.account", "' '",
            "cast(sealed_lines.posting_date as varchar)", "' '", "sealed_lines.period", "' posted '", "coalesce(sealed_lines.customer_id, '')"
        ]) }} as subject,
        sealed_lines.currency,
        entities.functional_currency,
        sealed_lines.side,
        sealed_lines.functional_minor,
        case when sealed_lines.side = 'debit' then sealed_lines.amount_minor else -sealed_lines.amount_minor end as signed_minor
    from sealed_lines
    inner join entities on sealed_lines.entity = entities.entity
),

ledger as (
    select
        move_lines.entity,
        move_lines.period,
        {{ dbt.concat([
            "moves.reference", "' '", "coalesce(move_lines.line_key, 'line without key')", "' '", "move_lines.account_code", "' '",
            "cast(moves.posting_date as varchar)", "' '", "moves.erp_period", "' '", "moves.state", "' '", "coalesce(move_lines.party_code, '')"
        ]) }} as subject,
        move_lines.currency,
        entities.functional_currency,
        case when move_lines.credit_minor <> 0 or move_lines.signed_minor < 0 then 'credit' else 'debit' end as side,
        abs(move_lines.signed_functional_minor) as functional_minor,
        move_lines.signed_minor
    from move_lines
    inner join moves
        on
            move_lines.remote_id = moves.remote_id
            and move_lines.entity = moves.entity
            and move_lines.period = moves.period
    inner join entities on move_lines.entity = entities.entity
),

expected as (
    select
        entity,
        period,
        side as measure,
        functional_currency as unit,
        subject,
        sum(functional_minor) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from sealed
    group by
        entity,
        period,
        side,
        functional_currency,
        subject
    union all
    select
        entity,
        period,
        'transaction amount' as measure,
        currency as unit,
        subject,
        sum(signed_minor) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from sealed
    where
        currency <> functional_currency
        and signed_minor <> 0
    group by
        entity,
        period,
        currency,
        subject
),

held_by_ledger as (
    select
        entity,
        period,
        side as measure,
        functional_currency as unit,
        subject,
        sum(functional_minor) as compared_value
    from ledger
    group by
        entity,
        period,
        side,
        functional_currency,
        subject
    union all
    select
        entity,
        period,
        'transaction amount' as measure,
        currency as unit,
        subject,
        sum(signed_minor) as compared_value
    from ledger
    where currency <> functional_currency
    group by
        entity,
        period,
        currency,
        subject
),

final as (
    {{ comparison('expected', 'held_by_ledger', 'K7') }}
)

select * from final
