{{ config(materialized='view') }}

with

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

moves as (
    select * from {{ ref('stg_ledger__moves') }}
    where state = 'posted'
),

move_lines as (
    select * from {{ ref('stg_ledger__move_lines') }}
),

foreign_entries as (
    select * from {{ ref('foreign_entries') }}
    where status = 'listed'
),

revenue_accounts as (
    select * from {{ ref('waterfall_revenue_accounts') }}
),

in_the_ledger as (
    select
        move_lines.entity,
        move_lines.period,
        coalesce(move_lines.currency, entities.functional_currency) as currency,
        move_lines.remote_id,
        moves.reference,
        case
            when coalesce(move_lines.currency, entities.functional_currency) = entities.functional_currency then -move_lines.signed_functional_minor
            else -move_lines.signed_minor
        end as amount_minor
    from move_lines
    inner join moves
        on
            move_lines.entity = moves.entity
            and move_lines.period = moves.period
            and move_lines.remote_id = moves.remote_id
    inner join entities on move_lines.entity = entities.entity
    inner join revenue_accounts
        on
            move_lines.entity = revenue_accounts.entity
            and move_lines.account_code = revenue_accounts.account
),

final as (
    select
        in_the_ledger.entity,
        in_the_ledger.period,
        in_the_ledger.currency,
        'entries_of_others' as step,
        in_the_ledger.amount_minor
    from in_the_ledger
    inner join foreign_entries
        on
            in_the_ledger.entity = foreign_entries.entity
            and in_the_ledger.period = foreign_entries.period
            and in_the_ledger.remote_id = foreign_entries.remote_id
    union all
    select
        entity,
        period,
        currency,
        'ledger' as step,
        amount_minor
    from in_the_ledger
)

select * from final
