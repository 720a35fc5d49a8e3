-- On an account that serves another sub-ledger as well something else may stand.
with

deferred_accounts as (
    select
        entity,
        account
    from {{ ref('sub_ledger_balances') }}
    group by
        entity,
        account
    having
        min(sub_ledger) = 'deferred_revenue'
        and max(sub_ledger) = 'deferred_revenue'
)

select
    balances.book,
    balances.entity,
    balances.period,
    balances.account,
    balances.currency,
    balances.closing_minor,
    balances.functional_closing_minor
from {{ ref('book_trial_balance') }} as balances
inner join {{ ref('stg_finance__books') }} as books
    on
        balances.book = books.book
        and balances.entity = books.entity
inner join deferred_accounts
    on
        balances.entity = deferred_accounts.entity
        and balances.account = deferred_accounts.account
where
    books.violation is null
    and books.fee_recognition = 'on_invoice'
    and (balances.closing_minor <> 0 or balances.functional_closing_minor <> 0)
