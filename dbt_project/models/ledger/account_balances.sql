with

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

movements as (
    select
        entity,
        account,
        currency,
        period,
        count(*) as line_count,
        {{ sum_whole('greatest(signed_minor, 0)') }} as debit_minor,
        {{ sum_whole('greatest(-signed_minor, 0)') }} as credit_minor,
        {{ sum_whole('greatest(signed_functional_minor, 0)') }} as functional_debit_minor,
        {{ sum_whole('greatest(-signed_functional_minor, 0)') }} as functional_credit_minor
    from general_ledger
    group by
        entity,
        account,
        currency,
        period
),

ledger_accounts as (
    select
        entity,
        account,
        currency,
        min(account_name) as account_name,
        min(account_type) as account_type,
        min(exponent) as exponent,
        min(functional_currency) as functional_currency,
        min(functional_exponent) as functional_exponent,
        min(period) as first_period
    from general_ledger
    group by
        entity,
        account,
        currency
),

periods as (
    select distinct
        entity,
        period
    from general_ledger
),

-- A balance stands in every later period of its entity, moved or not.
spine as (
    select
        ledger_accounts.*,
        periods.period
    from ledger_accounts
    inner join periods
        on
            ledger_accounts.entity = periods.entity
            and ledger_accounts.first_period <= periods.period
),

moved as (
    select
        spine.*,
        coalesce(movements.line_count, 0) as line_count,
        coalesce(movements.debit_minor, 0) as debit_minor,
        coalesce(movements.credit_minor, 0) as credit_minor,
        coalesce(movements.functional_debit_minor, 0) as functional_debit_minor,
        coalesce(movements.functional_credit_minor, 0) as functional_credit_minor
    from spine
    left join movements
        on
            spine.entity = movements.entity
            and spine.account = movements.account
            and spine.currency = movements.currency
            and spine.period = movements.period
),

accumulated as (
    select
        moved.*,
        sum(debit_minor - credit_minor) over (
            partition by entity, account, currency
            order by period asc
            rows between unbounded preceding and current row
        ) as closing_minor,
        sum(functional_debit_minor - functional_credit_minor) over (
            partition by entity, account, currency
            order by period asc
            rows between unbounded preceding and current row
        ) as functional_closing_minor
    from moved
),

final as (
    select
        entity,
        period,
        account,
        account_name,
        account_type,
        currency,
        exponent,
        cast(line_count as bigint) as line_count,
        cast(closing_minor - debit_minor + credit_minor as bigint) as opening_minor,
        cast(debit_minor as bigint) as debit_minor,
        cast(credit_minor as bigint) as credit_minor,
        cast(closing_minor as bigint) as closing_minor,
        functional_currency,
        functional_exponent,
        cast(functional_closing_minor - functional_debit_minor + functional_credit_minor as bigint) as functional_opening_minor,
        cast(functional_debit_minor as bigint) as functional_debit_minor,
        cast(functional_credit_minor as bigint) as functional_credit_minor,
        cast(functional_closing_minor as bigint) as functional_closing_minor
    from accumulated
)

select * from final
