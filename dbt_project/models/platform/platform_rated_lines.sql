with

rated_lines as (
    select * from {{ ref('rated_lines') }}
),

subscription_patterns as (
    select * from {{ ref('subscription_patterns') }}
    where rated_by = 'billing_platform'
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

final as (
    select
        rated_lines.line_key,
        rated_lines.group_key,
        rated_lines.kind,
        rated_lines.customer_id,
        rated_lines.entity,
        rated_lines.currency,
        rated_lines.subscription_id,
        rated_lines.charge_id,
        rated_lines.meter,
        rated_lines.service_period_start,
        rated_lines.service_period_end,
        rated_lines.billing_month,
        rated_lines.quantity,
        rated_lines.amount_precise,
        rated_lines.amount_minor,
        rated_lines.hold_reason,
        -- A difference that arises once the month was closed is settled at the platform, in its own later documents.
        rated_lines.billing_month < coalesce(entities.first_open_month, rated_lines.billing_month) as is_closed
    from rated_lines
    inner join subscription_patterns on rated_lines.group_key = subscription_patterns.group_key
    left join entities on rated_lines.entity = entities.entity
)

select * from final
