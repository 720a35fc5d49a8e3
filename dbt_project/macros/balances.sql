{#- What accounts hold: the balance of each stands from the first period that moves it. -#}

{% macro balances_of(lines, book) -%}
    {#- The balance of each account and transaction currency of a book in each of its periods, by the lines of general ledgers; ``book`` has the
        columns that tell one book from another. -#}
with

lines as (
    select * from {{ lines }}
),

movements as (
    select
        {{ book | join(', ') }},
        account,
        currency,
        period,
        count(*) as line_count,
        {{ sum_whole('greatest(signed_minor, 0)') }} as debit_minor,
        {{ sum_whole('greatest(-signed_minor, 0)') }} as credit_minor,
        {{ sum_whole('greatest(signed_functional_minor, 0)') }} as functional_debit_minor,
        {{ sum_whole('greatest(-signed_functional_minor, 0)') }} as functional_credit_minor
    from lines
    group by
        {{ book | join(', ') }},
        account,
        currency,
        period
),

ledger_accounts as (
    select
        {{ book | join(', ') }},
        account,
        currency,
        min(account_name) as account_name,
        min(account_type) as account_type,
        min(exponent) as exponent,
        min(functional_currency) as functional_currency,
        min(functional_exponent) as functional_exponent,
        min(period) as first_period
    from lines
    group by
        {{ book | join(', ') }},
        account,
        currency
),

periods as (
    select distinct
        {{ book | join(', ') }},
        period
    from lines
),

-- A balance stands in every later period of its book, moved or not.
spine as (
    select
        ledger_accounts.*,
        periods.period
    from ledger_accounts
    inner join periods
        on
            ledger_accounts.first_period <= periods.period
            {% for column in book -%}
            and ledger_accounts.{{ column }} = periods.{{ column }}
            {% endfor %}
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
            spine.account = movements.account
            and spine.currency = movements.currency
            and spine.period = movements.period
            {% for column in book -%}
            and spine.{{ column }} = movements.{{ column }}
            {% endfor %}
),

accumulated as (
    select
        moved.*,
        sum(debit_minor - credit_minor) over (
            partition by {{ book | join(', ') }}, account, currency
            order by period asc
            rows between unbounded preceding and current row
        ) as closing_minor,
        sum(functional_debit_minor - functional_credit_minor) over (
            partition by {{ book | join(', ') }}, account, currency
            order by period asc
            rows between unbounded preceding and current row
        ) as functional_closing_minor
    from moved
),

final as (
    select
        {{ book | join(', ') }},
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
{%- endmacro %}
