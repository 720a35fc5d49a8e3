with

subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

plans as (
    select * from {{ ref('stg_billing__plans') }}
),

-- Periods are told up to the month after the last landed day and no further, so that the result depends on landed data alone.
horizon as (
    select {{ add_months('max(' ~ month_start('landed_on') ~ ')', 2) }} as ends_before
    from {{ ref('stg_product__landed_files') }}
),

first_starts as (
    select
        subscription_id,
        min(starts_on) as starts_on
    from subscriptions
    group by subscription_id
),

terms as (
    select
        subscriptions.subscription_id,
        subscriptions.plan_id,
        min(subscriptions.starts_on) as starts_on,
        coalesce(max(subscriptions.anchor_on), min(first_starts.starts_on)) as anchor_on
    from subscriptions
    inner join first_starts on subscriptions.subscription_id = first_starts.subscription_id
    group by
        subscriptions.subscription_id,
        subscriptions.plan_id
),

-- A plan that cannot be read bills by the calendar month, and its lines are held.
-- A calendar's periods begin with its units; a subscription's begin on its anchor, and each is counted from there, so that
-- the 31st stays the 31st wherever a month has one.
anchored as (
    select
        terms.subscription_id,
        terms.plan_id,
        terms.starts_on,
        plans.violation is not null or plans.plan_id is null or plans.period_unit in ('month', 'quarter', 'year') as has_months,
        case when plans.violation is null then coalesce(plans.period_count, 1) else 1 end
        * case coalesce(plans.violation, plans.period_unit)
            when 'quarter' then 3
            when 'year' then 12
            when 'week' then 7
            else 1
        end as step,
        case
            when plans.violation is null and plans.anchor = 'subscription' then terms.anchor_on
            when plans.violation is not null or plans.plan_id is null or plans.period_unit = 'month' then {{ month_start('terms.starts_on') }}
            when plans.period_unit = 'quarter' then cast({{ dbt.date_trunc('quarter', 'terms.starts_on') }} as date)
            when plans.period_unit = 'year' then cast({{ dbt.date_trunc('year', 'terms.starts_on') }} as date)
            when plans.period_unit = 'week' then cast({{ dbt.date_trunc('week', 'terms.starts_on') }} as date)
            else terms.starts_on
        end as counted_from,
        horizon.ends_before
    from terms
    left join plans on terms.plan_id = plans.plan_id
    cross join horizon
),

measured as (
    select
        anchored.*,
        case when has_months then {{ month_number('starts_on') }} - {{ month_number('counted_from') }} else {{ days_between('counted_from', 'starts_on') }} end as units_to_start,
        case when has_months then {{ month_number('ends_before') }} - {{ month_number('counted_from') }} else {{ days_between('counted_from', 'ends_before') }} end as units_to_end
    from anchored
),

numbered as (
    select
        measured.*,
        {{ whole_numbers_from(integer_quotient('units_to_start', 'step') ~ ' - 2', integer_quotient('units_to_end', 'step') ~ ' + 1') }} as period_number
    from measured
),

bounded as (
    select
        numbered.subscription_id,
        numbered.plan_id,
        numbered.starts_on,
        numbered.ends_before,
        numbered.period_number,
        case
            when has_months then {{ add_months('counted_from', 'period_number * step') }}
            else {{ add_days('counted_from', 'period_number * step') }}
        end as period_start,
        case
            when has_months then {{ add_months('counted_from', '(period_number + 1) * step') }}
            else {{ add_days('counted_from', '(period_number + 1) * step') }}
        end as period_end
    from numbered
),

final as (
    select
        subscription_id,
        plan_id,
        period_number,
        period_start,
        period_end
    from bounded
    where
        period_end > starts_on
        and period_start < ends_before
)

select * from final
