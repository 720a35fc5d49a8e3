{{ config(materialized='view') }}

{#- A sub-ledger -> its roll-forward, and the sign of its balance where a debit is positive. -#}
{% set rolled = {
    'receivables': ('receivables_roll_forward', '+'),
    'unbilled_receivables': ('unbilled_receivables_roll_forward', '+'),
    'deferred_revenue': ('deferred_revenue_roll_forward', '-'),
    'tax': ('tax_roll_forward', '-'),
    'prepaid_credits': ('prepaid_credit_roll_forward', '-'),
} %}
with

revenue as (
    select * from {{ ref('revenue_by_service_period') }}
),

settlements as (
    select * from {{ ref('receivable_movements') }}
    where counter_account is not null
),

-- A balance that no document explains stands as it was carried over.
moved_openings as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole('signed_minor') }} as opened_minor
    from {{ ref('stg_register_issued__openings') }}
    where opening = 'balance'
    group by
        entity,
        period,
        account,
        currency
),

rolled_openings as (
    {{ rolled_forward('moved_openings', ['account', 'currency'], ['opened_minor']) }}
),

moved_revenue as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole('revenue_minor') }} as revenue_minor
    from revenue
    group by
        entity,
        period,
        account,
        currency
),

rolled_revenue as (
    {{ rolled_forward('moved_revenue', ['account', 'currency'], ['revenue_minor']) }}
),

moved_settlements as (
    select
        case event when 'write_off' then 'write_offs' else 'cash_clearing' end as sub_ledger,
        entity,
        period,
        counter_account as account,
        currency,
        {{ sum_whole('-amount_minor') }} as settled_minor
    from settlements
    group by
        case event when 'write_off' then 'write_offs' else 'cash_clearing' end,
        entity,
        period,
        counter_account,
        currency
),

rolled_settlements as (
    {{ rolled_forward('moved_settlements', ['sub_ledger', 'account', 'currency'], ['settled_minor']) }}
),

signed as (
    {% for sub_ledger, (model, sign) in rolled.items() %}
        select
            '{{ sub_ledger }}' as sub_ledger,
            entity,
            period,
            account,
            currency,
            0 {{ sign }} opening_minor as opening_minor,
            0 {{ sign }} closing_minor as closing_minor
        from {{ ref(model) }}
        union all
    {% endfor %}
    select
        'revenue' as sub_ledger,
        entity,
        period,
        account,
        currency,
        -opening_minor as opening_minor,
        -closing_minor as closing_minor
    from rolled_revenue
    union all
    select
        sub_ledger,
        entity,
        period,
        account,
        currency,
        opening_minor,
        closing_minor
    from rolled_settlements
    union all
    select
        'opening_balances' as sub_ledger,
        entity,
        period,
        account,
        currency,
        opening_minor,
        closing_minor
    from rolled_openings
),

final as (
    select
        sub_ledger,
        entity,
        period,
        account,
        currency,
        {{ sum_whole('opening_minor') }} as opening_minor,
        {{ sum_whole('closing_minor') }} as closing_minor
    from signed
    group by
        sub_ledger,
        entity,
        period,
        account,
        currency
)

select * from final
