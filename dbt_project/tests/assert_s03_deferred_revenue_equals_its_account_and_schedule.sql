with

account_breaks as (
    {{ sub_ledger_breaks('deferred_revenue', 'deferred_account') }}
),

listed as (
    select
        entity,
        period,
        currency,
        account,
        closing_minor,
        remaining_schedule_minor as listed_minor
    from {{ ref('deferred_revenue_roll_forward') }}
)

{{ account_and_list_breaks('account_breaks', 'listed', 'remaining schedule') }}
