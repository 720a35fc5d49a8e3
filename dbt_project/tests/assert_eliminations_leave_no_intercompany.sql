-- An account that only the entities of the group move among themselves is nothing to the world.
with

intercompany_accounts as (
    select
        entity,
        account
    from {{ ref('general_ledger') }}
    group by
        entity,
        account
    having count(*) = count({{ intercompany_role('line_key') }})
)

select
    group_trial_balance.entity,
    group_trial_balance.period,
    group_trial_balance.account,
    sum(group_trial_balance.amount_minor) as left_minor
from {{ ref('group_trial_balance') }} as group_trial_balance
inner join intercompany_accounts
    on
        group_trial_balance.entity = intercompany_accounts.entity
        and group_trial_balance.account = intercompany_accounts.account
group by
    group_trial_balance.entity,
    group_trial_balance.period,
    group_trial_balance.account
having sum(group_trial_balance.amount_minor) <> 0
