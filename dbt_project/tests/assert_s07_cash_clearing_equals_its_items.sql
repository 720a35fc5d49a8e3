with

account_breaks as (
    {{ sub_ledger_breaks('cash_clearing') }}
),

rolled as (
    select * from {{ ref('sub_ledger_balances') }}
    where sub_ledger = 'cash_clearing'
),

listed as (
    select
        entity,
        period,
        currency,
        account,
        {{ sum_whole('amount_minor') }} as listed_minor
    from {{ ref('cash_clearing_items') }}
    group by
        entity,
        period,
        currency,
        account
),

compared as (
    select
        coalesce(rolled.entity, listed.entity) as entity,
        coalesce(rolled.period, listed.period) as period,
        coalesce(rolled.currency, listed.currency) as currency,
        coalesce(rolled.account, listed.account) as account,
        coalesce(rolled.closing_minor, 0) as closing_minor,
        coalesce(listed.listed_minor, 0) as listed_minor
    from rolled
    full outer join listed
        on
            rolled.entity = listed.entity
            and rolled.period = listed.period
            and rolled.currency = listed.currency
            and rolled.account = listed.account
)

{{ account_and_list_breaks('account_breaks', 'compared', 'items in transit') }}
