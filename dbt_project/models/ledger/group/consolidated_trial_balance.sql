with

incomplete_periods as (
    select distinct period
    from {{ ref('missing_translations') }}
),

group_trial_balance as (
    select group_trial_balance.*
    from {{ ref('group_trial_balance') }} as group_trial_balance
    left join incomplete_periods on group_trial_balance.period = incomplete_periods.period
    where incomplete_periods.period is null
),

final as (
    select
        period,
        account,
        min(account_name) as account_name,
        account_type,
        group_currency,
        group_exponent,
        {{ sum_whole("case when layer = 'entity' then amount_minor else 0 end") }} as entity_minor,
        {{ sum_whole("case when layer = 'translation' then amount_minor else 0 end") }} as translation_minor,
        {{ sum_whole("case when layer = 'elimination' then amount_minor else 0 end") }} as elimination_minor,
        {{ sum_whole('amount_minor') }} as closing_minor
    from group_trial_balance
    group by
        period,
        account,
        account_type,
        group_currency,
        group_exponent
)

select * from final
