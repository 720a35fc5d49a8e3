with

account_breaks as (
    {{ sub_ledger_breaks('unbilled_receivables') }}
),

list_breaks as (
    select
        entity,
        period,
        currency,
        account,
        closing_minor,
        unbilled_items_minor
    from {{ ref('unbilled_receivables_roll_forward') }}
    where closing_minor <> unbilled_items_minor
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
    'unbilled items' as compared_with,
    entity,
    period,
    currency,
    account,
    closing_minor as sub_ledger_minor,
    unbilled_items_minor as other_minor,
    closing_minor - unbilled_items_minor as difference_minor
from list_breaks
