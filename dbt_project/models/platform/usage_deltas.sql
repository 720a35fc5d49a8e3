{#- 10^13, the number of units in a quantity's last place. -#}
{%- set places = '10000000000000' -%}
with

usage_summaries as (
    select * from {{ ref('usage_summaries') }}
),

-- Whom the platform has the subscription for, whoever has become of the customer since.
subscribed as (
    select
        subscription_id,
        min(customer_id) as customer_id
    from {{ ref('stg_billing__subscriptions') }}
    group by subscription_id
),

subscription_patterns as (
    select * from {{ ref('subscription_patterns') }}
    where rated_by = 'billing_platform'
),

usage_reports as (
    select * from {{ ref('stg_register_opening__usage_reports') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

-- The day of the report: nothing here reads the clock.
landed as (
    select max(landed_on) as landed_on from {{ ref('stg_product__landed_files') }}
),

reported as (
    select
        usage_key,
        {{ sum_whole('reported_value') }} as reported_value,
        max(event_count) as reported_event_count,
        count(*) as report_count
    from usage_reports
    group by usage_key
),

measured as (
    select
        usage_summaries.usage_key,
        subscription_patterns.group_key,
        subscription_patterns.violation as pattern_violation,
        customers.customer_id,
        customers.currency,
        coalesce(entities.entity, 'unassigned') as entity,
        entities.cutover_on,
        entities.first_open_month,
        usage_summaries.subscription_id,
        usage_summaries.charge_id,
        usage_summaries.meter,
        usage_summaries.charged_dimensions,
        usage_summaries.service_period_start,
        usage_summaries.service_period_end,
        usage_summaries.billing_month,
        usage_summaries.quantity,
        usage_summaries.event_count,
        usage_summaries.fingerprint,
        meters.reported_as as event_name,
        meters.reported_scale,
        meters.reported_scale is null as has_unknown_scale,
        landed.landed_on,
        {{ instant_at_midnight('usage_summaries.service_period_start', 'customers.time_zone') }} as begins_at,
        {{ instant_at_midnight('usage_summaries.service_period_end', 'customers.time_zone') }} as ends_at,
        usage_summaries.last_event_at,
        coalesce(reported.reported_value, 0) as reported_value,
        coalesce(reported.reported_event_count, 0) as reported_event_count,
        coalesce(reported.report_count, 0) as report_count,
        abs(usage_summaries.quantity) >= 1000000000000000 as is_too_large
    from usage_summaries
    cross join landed
    inner join subscription_patterns
        on
            usage_summaries.subscription_id = subscription_patterns.subscription_id
            and usage_summaries.service_period_start = subscription_patterns.period_start
    inner join meters on usage_summaries.meter = meters.meter
    inner join subscribed on usage_summaries.subscription_id = subscribed.subscription_id
    inner join customers on subscribed.customer_id = customers.customer_id
    left join entities on customers.entity = entities.entity
    left join reported on usage_summaries.usage_key = reported.usage_key
),

-- In units of the platform's meter, exactly: what is no whole number of them is held, never rounded.
scaled as (
    select
        measured.*,
        case when not is_too_large and not has_unknown_scale then {{ scaled_quantity('quantity') }} * reported_scale end as scaled_units
    from measured
),

valued as (
    select
        scaled.*,
        scaled_units % {{ places }} <> 0 as is_fractional,
        case
            when scaled_units < 0 then -{{ integer_quotient('-scaled_units', places) }}
            else {{ integer_quotient('scaled_units', places) }}
        end as whole_units
    from scaled
),

compared as (
    select
        valued.*,
        case when abs(whole_units) < 1000000000000000 then cast(whole_units as bigint) end as computed_value,
        -- The latest instant of the period that has passed for certain.
        least(
            ends_at - interval '1 second',
            greatest(cast(landed_on as timestamp), begins_at, coalesce(last_event_at, begins_at))
        ) as reported_at
    from valued
),

final as (
    select
        usage_key,
        group_key,
        customer_id,
        entity,
        currency,
        subscription_id,
        charge_id,
        meter,
        event_name,
        service_period_start,
        service_period_end,
        billing_month,
        greatest(billing_month, coalesce(first_open_month, billing_month)) as document_month,
        quantity,
        reported_scale,
        event_count,
        fingerprint,
        computed_value,
        reported_value,
        computed_value - reported_value as delta_value,
        report_count,
        begins_at,
        ends_at,
        reported_at,
        case
            when pattern_violation is not null then 'refused_pattern'
            when entity = 'unassigned' then 'missing_legal_entity'
            when billing_month < {{ month_start('cutover_on') }} then 'before_cutover'
            when charged_dimensions <> '' then 'unreportable_dimensions'
            when has_unknown_scale then 'unknown_report_scale'
            when quantity < 0 then 'negative_net_usage'
            when event_count < reported_event_count then 'coverage_shrunk'
            when computed_value is null then 'unreportable_quantity'
            when is_fractional then 'fractional_quantity'
            when computed_value < reported_value then 'negative_usage_difference'
            when computed_value = reported_value then null
            when billing_month < coalesce(first_open_month, billing_month) then 'platform_period_closed'
            when reported_at < cast(landed_on as timestamp) - interval '{{ var("platform_window_days") }} days' then 'beyond_platform_window'
        end as hold_reason
    from compared
)

select * from final
