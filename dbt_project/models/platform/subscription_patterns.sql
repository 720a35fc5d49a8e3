with

rated_lines as (
    select * from {{ ref('rated_lines') }}
),

platform_lines as (
    select * from {{ ref('stg_register_opening__platform_lines') }}
),

rated_groups as (
    select distinct
        group_key,
        subscription_id,
        period_start
    from rated_lines
    where subscription_id is not null
),

subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

plan_patterns as (
    select * from {{ ref('stg_billing__plan_patterns') }}
),

issued_lines as (
    select * from {{ ref('stg_register_opening__billing_lines') }}
),

usage_reports as (
    select * from {{ ref('stg_register_opening__usage_reports') }}
),

-- The plan that the subscription has when the period starts, or first has in it.
ranked_plans as (
    select
        rated_groups.group_key,
        subscriptions.plan_id,
        row_number() over (
            partition by rated_groups.group_key
            order by
                case when subscriptions.starts_on <= rated_groups.period_start then 0 else 1 end asc,
                case when subscriptions.starts_on <= rated_groups.period_start then {{ days_between('subscriptions.starts_on', 'rated_groups.period_start') }} end asc,
                subscriptions.starts_on asc,
                subscriptions.subscription_version desc
        ) as preference
    from rated_groups
    inner join subscriptions on rated_groups.subscription_id = subscriptions.subscription_id
),

ranked_patterns as (
    select
        ranked_plans.group_key,
        plan_patterns.rated_by,
        row_number() over (
            partition by ranked_plans.group_key
            order by plan_patterns.effective_from desc, plan_patterns.file_name desc, plan_patterns.line_number desc
        ) as recency
    from ranked_plans
    inner join rated_groups on ranked_plans.group_key = rated_groups.group_key
    inner join plan_patterns
        on
            ranked_plans.plan_id = plan_patterns.plan_id
            and plan_patterns.effective_from <= rated_groups.period_start
    where
        ranked_plans.preference = 1
        and plan_patterns.violation is null
),

refused_plans as (
    select
        plan_id,
        min(violation) as violation
    from plan_patterns
    where violation is not null
    group by plan_id
),

issued_groups as (
    select distinct group_key from issued_lines
),

reported_groups as (
    select group_key from usage_reports
    union
    select rated_lines.group_key
    from rated_lines
    inner join platform_lines on rated_lines.line_key = platform_lines.line_key
),

final as (
    select
        rated_groups.group_key,
        rated_groups.subscription_id,
        rated_groups.period_start,
        ranked_plans.plan_id,
        coalesce(ranked_patterns.rated_by, 'warehouse') as chosen_rated_by,
        case
            when issued_groups.group_key is not null then 'warehouse'
            when reported_groups.group_key is not null then 'billing_platform'
        end as sealed_rated_by,
        -- What was issued or reported wins over a choice that was changed afterwards: nothing is billed by both.
        case
            when issued_groups.group_key is not null then 'warehouse'
            when reported_groups.group_key is not null then 'billing_platform'
            else coalesce(ranked_patterns.rated_by, 'warehouse')
        end as rated_by,
        refused_plans.violation
    from rated_groups
    left join ranked_plans
        on
            rated_groups.group_key = ranked_plans.group_key
            and ranked_plans.preference = 1
    left join ranked_patterns
        on
            rated_groups.group_key = ranked_patterns.group_key
            and ranked_patterns.recency = 1
    left join refused_plans on ranked_plans.plan_id = refused_plans.plan_id
    left join issued_groups on rated_groups.group_key = issued_groups.group_key
    left join reported_groups on rated_groups.group_key = reported_groups.group_key
)

select * from final
