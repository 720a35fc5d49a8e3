with

account_breaks as (
    {{ sub_ledger_breaks('unbilled_receivables') }}
),

listed as (
    select
        entity,
        period,
        currency,
        account,
        closing_minor,
        unbilled_items_minor as listed_minor
    from {{ ref('unbilled_receivables_roll_forward') }}
)

{{ account_and_list_breaks('account_breaks', 'listed', 'unbilled items') }}
