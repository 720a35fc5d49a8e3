with

roll_forward as (
    select * from {{ ref('receivables_roll_forward') }}
),

aged_receivables as (
    select * from {{ ref('aged_receivables') }}
),

receivable_movements as (
    select * from {{ ref('receivable_movements') }}
),

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

-- An entry that the ledger refused for good is K6's to list.
ledger_lines as (
    select
        entity,
        period,
        account,
        currency,
        event,
        signed_minor
    from general_ledger
    union all
    {{ refused_journal_lines() }}
),

last_periods as (
    select
        entity,
        max(period) as last_period
    from general_ledger
    group by entity
),

rolled as (
    select
        entity,
        period,
        currency,
        account,
        {{ sum_whole('closing_minor') }} as closing_minor
    from roll_forward
    group by
        entity,
        period,
        currency,
        account
),

open_items as (
    select
        entity,
        period,
        currency,
        account,
        {{ sum_whole('open_minor') }} as open_minor
    from aged_receivables
    group by
        entity,
        period,
        currency,
        account
),

moved as (
    select
        receivable_movements.entity,
        receivable_movements.period,
        receivable_movements.currency,
        receivable_movements.account,
        receivable_movements.event,
        {{ sum_whole('receivable_movements.amount_minor') }} as amount_minor
    from receivable_movements
    inner join last_periods
        on
            receivable_movements.entity = last_periods.entity
            and receivable_movements.period <= last_periods.last_period
    group by
        receivable_movements.entity,
        receivable_movements.period,
        receivable_movements.currency,
        receivable_movements.account,
        receivable_movements.event
),

receivable_accounts as (
    select distinct
        entity,
        account
    from receivable_movements
),

posted as (
    select
        ledger_lines.entity,
        ledger_lines.period,
        ledger_lines.currency,
        ledger_lines.account,
        ledger_lines.event,
        {{ sum_whole('ledger_lines.signed_minor') }} as amount_minor
    from ledger_lines
    inner join receivable_accounts
        on
            ledger_lines.entity = receivable_accounts.entity
            and ledger_lines.account = receivable_accounts.account
    group by
        ledger_lines.entity,
        ledger_lines.period,
        ledger_lines.currency,
        ledger_lines.account,
        ledger_lines.event
),

compared as (
    select
        'open items' as measure,
        coalesce(rolled.entity, open_items.entity) as entity,
        coalesce(rolled.period, open_items.period) as period,
        coalesce(rolled.currency, open_items.currency) as currency,
        coalesce(rolled.account, open_items.account) as account,
        coalesce(rolled.closing_minor, 0) as sub_ledger_minor,
        coalesce(open_items.open_minor, 0) as other_minor
    from rolled
    full outer join open_items
        on
            rolled.entity = open_items.entity
            and rolled.period = open_items.period
            and rolled.currency = open_items.currency
            and rolled.account = open_items.account
    union all
    select
        coalesce(moved.event, posted.event) as measure,
        coalesce(moved.entity, posted.entity) as entity,
        coalesce(moved.period, posted.period) as period,
        coalesce(moved.currency, posted.currency) as currency,
        coalesce(moved.account, posted.account) as account,
        coalesce(moved.amount_minor, 0) as sub_ledger_minor,
        coalesce(posted.amount_minor, 0) as other_minor
    from moved
    full outer join posted
        on
            moved.entity = posted.entity
            and moved.period = posted.period
            and moved.currency = posted.currency
            and moved.account = posted.account
            and moved.event = posted.event
)

select
    measure,
    entity,
    period,
    currency,
    account,
    sub_ledger_minor,
    other_minor,
    sub_ledger_minor - other_minor as difference_minor
from compared
where sub_ledger_minor <> other_minor
