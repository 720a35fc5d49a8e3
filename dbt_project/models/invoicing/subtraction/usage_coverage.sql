with

period_usage as (
    select * from {{ ref('period_usage') }}
),

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
),

-- What was retracted later was kept as it arrived.
kept_arrivals as (
    select * from {{ ref('usage_arrivals') }}
    where disposition = 'kept'
),

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
),

stable_keys as (
    select * from {{ ref('stg_crm__stable_keys') }}
    where kind = 'dimension'
),

issued_lines as (
    select ranked.*
    from (
        select
            billing_lines.*,
            row_number() over (partition by line_key order by document_position desc, document_line_key desc) as recency
        from {{ ref('stg_register_opening__billing_lines') }} as billing_lines
        where
            kind = 'usage'
            and counts_as_issued
    ) as ranked
    where ranked.recency = 1
),

landing as (
    select coalesce(max(landing_position), 0) as landing_position
    from landed_files
),

-- A line that goes on under a new dimension was issued with what the others of its charge and period count now: it covers them all.
continuing as (
    select
        period_usage.usage_key as line_key,
        period_usage.subscription_id,
        period_usage.charge_id,
        period_usage.service_period_start
    from period_usage
    inner join stable_keys
        on
            period_usage.charge_id = stable_keys.charge_id
            and period_usage.charged_dimensions = stable_keys.dimensions
),

also_covered as (
    select
        continuing.line_key,
        others.usage_key,
        others.event_count + others.retracted_count as covered_events,
        others.last_landing_position
    from continuing
    inner join period_usage as others
        on
            continuing.subscription_id = others.subscription_id
            and continuing.charge_id = others.charge_id
            and continuing.service_period_start = others.service_period_start
            and continuing.line_key <> others.usage_key
),

also_covered_counts as (
    select
        line_key,
        {{ sum_whole('covered_events') }} as covered_events,
        max(last_landing_position) as last_landing_position
    from also_covered
    group by line_key
),

covered_usage as (
    select
        period_usage.usage_key,
        period_usage.event_count + period_usage.retracted_count + coalesce(also_covered_counts.covered_events, 0) as covered_events,
        greatest(period_usage.last_landing_position, coalesce(also_covered_counts.last_landing_position, 0)) as last_landing_position
    from period_usage
    left join also_covered_counts on period_usage.usage_key = also_covered_counts.line_key
),

covered_keys as (
    select
        usage_key as line_key,
        usage_key
    from covered_usage
    union all
    select
        line_key,
        usage_key
    from also_covered
),

compared as (
    select
        coalesce(covered_usage.usage_key, issued_lines.line_key) as line_key,
        coalesce(covered_usage.covered_events, 0) as covered_events,
        covered_usage.last_landing_position,
        issued_lines.line_key is not null as was_issued,
        issued_lines.landing_position as issued_landing_position,
        coalesce(issued_lines.covered_events, issued_lines.event_count) as issued_events
    from covered_usage
    full outer join issued_lines on covered_usage.usage_key = issued_lines.line_key
),

-- Only days to which something was added since are looked at event by event.
changed_days as (
    select
        compared.line_key,
        compared.issued_landing_position,
        claimed_daily_usage.customer_id,
        claimed_daily_usage.meter,
        claimed_daily_usage.dimensions,
        claimed_daily_usage.occurred_on
    from compared
    inner join covered_keys on compared.line_key = covered_keys.line_key
    inner join claimed_daily_usage
        on
            covered_keys.usage_key = claimed_daily_usage.usage_key
            and compared.issued_landing_position < claimed_daily_usage.last_landing_position
    where compared.issued_landing_position < compared.last_landing_position
),

-- Stated by themselves, so that an engine reads no file that landed before.
late_files as (
    select landing_position from landed_files
    where landing_position > (select min(changed_days.issued_landing_position) from changed_days)
),

late_arrivals as (
    select * from kept_arrivals
    where landing_position in (select late_files.landing_position from late_files)
),

added as (
    select
        changed_days.line_key,
        count(*) as added_events
    from changed_days
    inner join late_arrivals
        on
            changed_days.customer_id = late_arrivals.customer_id
            and changed_days.meter = late_arrivals.meter
            and changed_days.dimensions = late_arrivals.dimensions
            and changed_days.occurred_on = late_arrivals.occurred_on
            and changed_days.issued_landing_position < late_arrivals.landing_position
    group by changed_days.line_key
),

-- What was billed must still be there: of the events up to the file that had landed last when the line was issued, none may be missing,
-- however many have come since. A retracted event is there.
final as (
    select
        compared.line_key,
        landing.landing_position,
        cast(compared.covered_events as bigint) as covered_events,
        compared.issued_landing_position,
        compared.issued_events,
        case when compared.was_issued then cast(compared.covered_events - coalesce(added.added_events, 0) as bigint) end as remaining_events,
        compared.was_issued and compared.covered_events - coalesce(added.added_events, 0) < compared.issued_events as is_shrunk
    from compared
    cross join landing
    left join added on compared.line_key = added.line_key
)

select * from final
