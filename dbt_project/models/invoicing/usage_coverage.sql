with

period_usage as (
    select * from {{ ref('period_usage') }}
),

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
),

dispositions as (
    select * from {{ ref('usage_event_dispositions') }}
    where disposition in ('kept', 'retracted')
),

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
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

compared as (
    select
        coalesce(period_usage.usage_key, issued_lines.line_key) as line_key,
        coalesce(period_usage.event_count + period_usage.retracted_count, 0) as covered_events,
        period_usage.last_landing_position,
        issued_lines.line_key is not null as was_issued,
        issued_lines.landing_position as issued_landing_position,
        coalesce(issued_lines.covered_events, issued_lines.event_count) as issued_events
    from period_usage
    full outer join issued_lines on period_usage.usage_key = issued_lines.line_key
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
    inner join claimed_daily_usage
        on
            compared.line_key = claimed_daily_usage.usage_key
            and compared.issued_landing_position < claimed_daily_usage.last_landing_position
    where compared.issued_landing_position < compared.last_landing_position
),

added as (
    select
        changed_days.line_key,
        count(*) as added_events
    from changed_days
    inner join dispositions
        on
            changed_days.customer_id = dispositions.customer_id
            and changed_days.meter = dispositions.meter
            and changed_days.dimensions = dispositions.dimensions
            and changed_days.occurred_on = dispositions.occurred_on
            and changed_days.issued_landing_position < dispositions.landing_position
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
