{#- What rolls such items forward says the same as the list of them; every other sub-ledger on the account counts beside it. -#}
{% set listed = ["'opening_balances'"] %}
{% for role, (model, dated_on, item, sub_ledger) in clearing_roles().items() if sub_ledger %}
    {% do listed.append("'" ~ sub_ledger ~ "'") %}
{% endfor %}
with

clearing_items as (
    select * from {{ ref('clearing_items') }}
),

sub_ledger_balances as (
    select * from {{ ref('sub_ledger_balances') }}
    where sub_ledger not in ({{ listed | join(', ') }})
),

clearing_accounts as (
    select distinct
        entity,
        account
    from clearing_items
),

balances as (
    select
        entity,
        period,
        account,
        currency,
        amount_minor as closing_minor
    from clearing_items
    union all
    select
        entity,
        period,
        account,
        currency,
        closing_minor
    from sub_ledger_balances
),

{{ account_breaks('balances', 'clearing_accounts') }}
