with

-- The state of the usage path is moved on before anything is rated.
-- depends_on: {{ ref('usage_landing_days') }}
-- depends_on: {{ ref('built_usage_references') }}
period_usage as (
    select * from {{ ref('period_usage') }}
),

idle_usage as (
    select * from {{ ref('idle_usage') }}
),

event_level_usage as (
    select * from {{ ref('event_level_usage') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

combined as (
    select
        usage_key,
        customer_id,
        subscription_id,
        charge_id,
        meter,
        charged_dimensions,
        service_period_start,
        service_period_end,
        billing_month,
        kept_quantity,
        event_count,
        largest_quantity,
        latest_quantity,
        supplied_minor,
        first_event_at,
        last_event_at,
        last_landed_on,
        fingerprint
    from period_usage
    union all
    select
        usage_key,
        customer_id,
        subscription_id,
        charge_id,
        meter,
        charged_dimensions,
        service_period_start,
        service_period_end,
        billing_month,
        0 as kept_quantity,
        0 as event_count,
        0 as largest_quantity,
        0 as latest_quantity,
        0 as supplied_minor,
        cast(null as timestamp) as first_event_at,
        cast(null as timestamp) as last_event_at,
        cast(null as date) as last_landed_on,
        'idle' as fingerprint
    from idle_usage
),

unique_counts as (
    select
        usage_key,
        count(distinct counted_value) as unique_count
    from event_level_usage
    group by usage_key
),

bounded as (
    select
        combined.*,
        meters.aggregation,
        meters.bucket,
        customers.time_zone
    from combined
    inner join meters on combined.meter = meters.meter
    inner join customers on combined.customer_id = customers.customer_id
),

leveled as (
    select
        bounded.*,
        {{ instant_at_midnight('bounded.service_period_start', 'bounded.time_zone') }} as period_begins_at,
        {{ instant_at_midnight('bounded.service_period_end', 'bounded.time_zone') }} as period_ends_at
    from bounded
    where bounded.aggregation in ('weighted_sum', 'prorated_sum')
),

-- A level holds from its event on: each change counts for the share of the period that is left of it, and a former one for all of it.
levels as (
    select
        leveled.usage_key,
        leveled.period_begins_at,
        leveled.period_ends_at,
        cast(
            sum(
                case
                    when event_level_usage.occurred_at < leveled.period_begins_at then event_level_usage.quantity
                    else 0
                end
            ) as {{ quantity_type() }}
        ) as opening_level,
        sum(
            case
                when event_level_usage.occurred_at >= leveled.period_begins_at
                    then
                        cast({{ scaled_quantity('coalesce(event_level_usage.prorated_quantity, event_level_usage.quantity)') }} as {{ wide_integer() }})
                        * case
                            when event_level_usage.prorated_quantity is not null and leveled.aggregation = 'weighted_sum'
                                then {{ microseconds_between('leveled.period_begins_at', 'leveled.period_ends_at') }}
                            when event_level_usage.prorated_quantity is not null
                                then {{ days_between('leveled.service_period_start', 'leveled.service_period_end') }}
                            when leveled.aggregation = 'weighted_sum' then {{ microseconds_between('event_level_usage.occurred_at', 'leveled.period_ends_at') }}
                            else {{ days_between('event_level_usage.occurred_on', 'leveled.service_period_end') }}
                        end
                else 0
            end
        ) as weighted_change
    from leveled
    inner join event_level_usage
        on
            leveled.subscription_id = event_level_usage.subscription_id
            and leveled.charge_id = event_level_usage.charge_id
            and leveled.charged_dimensions = event_level_usage.charged_dimensions
            and leveled.service_period_start >= event_level_usage.service_period_start
    group by
        leveled.usage_key,
        leveled.period_begins_at,
        leveled.period_ends_at
),

final as (
    select
        bounded.usage_key,
        bounded.customer_id,
        bounded.subscription_id,
        bounded.charge_id,
        bounded.meter,
        bounded.charged_dimensions,
        bounded.aggregation,
        bounded.bucket,
        bounded.service_period_start,
        bounded.service_period_end,
        bounded.billing_month,
        cast(bounded.kept_quantity as {{ quantity_type() }}) as kept_quantity,
        cast(
            case bounded.aggregation
                when 'count' then bounded.event_count
                when 'max' then bounded.largest_quantity
                when 'latest' then bounded.latest_quantity
                when 'unique_count' then coalesce(unique_counts.unique_count, 0)
                when 'prorated_sum'
                    then
                        coalesce(levels.opening_level, 0)
                        + coalesce({{ unscaled_quantity(half_up_quotient("cast(levels.weighted_change as " ~ wide_integer() ~ ")", days_between('bounded.service_period_start', 'bounded.service_period_end'))) }}, 0)
                when 'weighted_sum'
                    then
                        coalesce(levels.opening_level, 0)
                        + coalesce({{ unscaled_quantity(half_up_quotient("cast(levels.weighted_change as " ~ wide_integer() ~ ")", microseconds_between('levels.period_begins_at', 'levels.period_ends_at'))) }}, 0)
                else bounded.kept_quantity
            end as {{ quantity_type() }}
        ) as quantity,
        case when bounded.aggregation in ('weighted_sum', 'prorated_sum') then cast(coalesce(levels.opening_level, 0) + bounded.kept_quantity as {{ quantity_type() }}) end as closing_level,
        cast(bounded.event_count as bigint) as event_count,
        bounded.supplied_minor,
        bounded.first_event_at,
        bounded.last_event_at,
        bounded.last_landed_on,
        case
            when bounded.aggregation in ('weighted_sum', 'prorated_sum')
                then {{ digest(dbt.concat(["bounded.fingerprint", "'|'", "coalesce(cast(levels.opening_level as varchar), '')"])) }}
            when bounded.aggregation = 'unique_count'
                then {{ digest(dbt.concat(["bounded.fingerprint", "'|'", "cast(coalesce(unique_counts.unique_count, 0) as varchar)"])) }}
            else bounded.fingerprint
        end as fingerprint
    from bounded
    left join unique_counts on bounded.usage_key = unique_counts.usage_key
    left join levels on bounded.usage_key = levels.usage_key
)

select * from final
