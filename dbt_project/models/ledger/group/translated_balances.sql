with

general_ledger as (
    select
        entity,
        period,
        posting_date,
        account,
        account_name,
        account_type,
        functional_currency,
        signed_functional_minor,
        case when partner_entity is not null then signed_functional_minor else 0 end as intercompany_minor
    from {{ ref('general_ledger') }}
),

group_rates as (
    select * from {{ ref('group_rates') }}
),

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
    where to_currency = '{{ var("group_currency") }}'
),

-- Equity stands at the rate of the day on which it came about.
equity_days as (
    select distinct
        functional_currency,
        posting_date
    from general_ledger
    where account_type = 'equity'
),

historical_rates as (
    select
        equity_days.functional_currency,
        equity_days.posting_date,
        exchange_rates.exchange_rate,
        row_number() over (partition by equity_days.functional_currency, equity_days.posting_date order by exchange_rates.rate_date desc) as recency
    from equity_days
    inner join exchange_rates
        on
            equity_days.functional_currency = exchange_rates.from_currency
            and equity_days.posting_date >= exchange_rates.rate_date
            and {{ add_days('equity_days.posting_date', -1 * var('exchange_rate_days')) }} <= exchange_rates.rate_date
),

dated as (
    select
        entity,
        period,
        account,
        account_type,
        functional_currency,
        case when account_type = 'equity' then posting_date end as historical_day,
        {{ sum_whole('signed_functional_minor') }} as moved_minor,
        {{ sum_whole('intercompany_minor') }} as intercompany_minor
    from general_ledger
    group by
        entity,
        period,
        account,
        account_type,
        functional_currency,
        case when account_type = 'equity' then posting_date end
),

-- What was earned and spent in a month is translated at its average, equity at the rate of its day; each of them once.
valued as (
    select
        dated.*,
        case
            when dated.functional_currency = group_rates.group_currency then cast(1 as {{ rate_type() }})
            when dated.account_type = 'equity' then historical_rates.exchange_rate
            when dated.account_type in ('revenue', 'expense') then group_rates.average_rate
        end as movement_rate,
        group_rates.minor_unit_ratio
    from dated
    inner join group_rates
        on
            dated.period = group_rates.period
            and dated.functional_currency = group_rates.functional_currency
    left join historical_rates
        on
            dated.functional_currency = historical_rates.functional_currency
            and dated.historical_day = historical_rates.posting_date
            and historical_rates.recency = 1
),

movements as (
    select
        entity,
        period,
        account,
        {{ sum_whole('moved_minor') }} as moved_minor,
        {{ sum_whole('intercompany_minor') }} as intercompany_minor,
        {{ sum_whole(apply_rate('moved_minor', 'movement_rate * minor_unit_ratio')) }} as group_moved_minor,
        {{ sum_whole(apply_rate('intercompany_minor', 'movement_rate * minor_unit_ratio')) }} as group_intercompany_minor,
        max(case when account_type in ('equity', 'revenue', 'expense') and movement_rate is null then 1 else 0 end) as unvalued
    from valued
    group by
        entity,
        period,
        account
),

ledger_accounts as (
    select
        entity,
        account,
        min(account_name) as account_name,
        min(account_type) as account_type,
        min(functional_currency) as functional_currency,
        min(period) as first_period
    from general_ledger
    group by
        entity,
        account
),

-- A balance stands in every later period of the group, moved or not.
accumulated as (
    select
        ledger_accounts.entity,
        ledger_accounts.account,
        ledger_accounts.account_name,
        ledger_accounts.account_type,
        ledger_accounts.functional_currency,
        group_rates.period,
        group_rates.group_currency,
        group_rates.closing_rate,
        group_rates.minor_unit_ratio,
        cast(sum(coalesce(movements.moved_minor, 0)) over balance as bigint) as functional_minor,
        cast(sum(coalesce(movements.intercompany_minor, 0)) over balance as bigint) as intercompany_minor,
        cast(sum(coalesce(movements.group_moved_minor, 0)) over balance as bigint) as group_moved_minor,
        cast(sum(coalesce(movements.group_intercompany_minor, 0)) over balance as bigint) as group_intercompany_minor,
        cast(sum(coalesce(movements.unvalued, 0)) over balance as bigint) as unvalued_count
    from ledger_accounts
    inner join group_rates
        on
            ledger_accounts.functional_currency = group_rates.functional_currency
            and ledger_accounts.first_period <= group_rates.period
    left join movements
        on
            ledger_accounts.entity = movements.entity
            and ledger_accounts.account = movements.account
            and group_rates.period = movements.period
    window
        balance as (
            partition by ledger_accounts.entity, ledger_accounts.account
            order by group_rates.period asc
            rows between unbounded preceding and current row
        )
),

at_closing as (
    select
        accumulated.*,
        account_type in ('equity', 'revenue', 'expense') as is_moved,
        {{ apply_rate('functional_minor', 'closing_rate * minor_unit_ratio') }} as closing_minor,
        {{ apply_rate('intercompany_minor', 'closing_rate * minor_unit_ratio') }} as intercompany_closing_minor,
        case
            when closing_rate is null then 'closing_rate'
            when unvalued_count > 0 and account_type = 'equity' then 'historical_rate'
            when unvalued_count > 0 then 'average_rate'
        end as missing_rate
    from accumulated
),

final as (
    select
        entity,
        period,
        account,
        account_name,
        account_type,
        functional_currency,
        functional_minor,
        group_currency,
        closing_minor,
        case when missing_rate is null then case when is_moved then group_moved_minor else closing_minor end end as translated_minor,
        case
            when missing_rate is null then case when is_moved then group_intercompany_minor else intercompany_closing_minor end
        end as intercompany_minor,
        missing_rate
    from at_closing
)

select * from final
