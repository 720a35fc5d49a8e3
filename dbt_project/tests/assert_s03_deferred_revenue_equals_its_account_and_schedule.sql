with

account_breaks as (
    {{ sub_ledger_breaks('deferred_revenue', 'deferred_account') }}
),

schedule_breaks as (
    select
        entity,
        period,
        currency,
        account,
        closing_minor,
        remaining_schedule_minor
    from {{ ref('deferred_revenue_roll_forward') }}
    where closing_minor <> remaining_schedule_minor
)

select
    'account' as compared_with,
    entity,
    period,
    currency,
    account,
    sub_ledger_minor,
    ledger_minor as other_minor,
    difference_minor
from account_breaks
union all
select
    'remaining schedule' as compared_with,
    entity,
    period,
    currency,
    account,
    closing_minor as sub_ledger_minor,
    remaining_schedule_minor as other_minor,
    closing_minor - remaining_schedule_minor as difference_minor
from schedule_breaks
