{%- set lines = source('raw_usage', 'usage_events') -%}
{%- set touched = touched_rows('usage_repetitions') -%}
{%- set within_reach = within_reach_of_touched_days() -%}

{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

landed_files as (
    select
        landing_position,
        file_name
    from {{ ref('stg_product__landed_files') }}
),

-- Nearly every identity comes once. Those that may have come more often are found by a hash, and only their lines are compared.
identity_counts as (
    select
        {{ identity_hash(trimmed('source'), trimmed('id')) }} as identity_hash,
        count(*) as line_count
    from {{ lines }}
    where {{ touched }}
    group by {{ identity_hash(trimmed('source'), trimmed('id')) }}
),

repeated_identities as (
    select identity_counts.identity_hash
    from identity_counts
    where identity_counts.line_count > 1
    union
    select identity_counts.identity_hash
    from {{ lines }} as lines_within_reach
    inner join identity_counts on {{ identity_hash(trimmed('lines_within_reach.source'), trimmed('lines_within_reach.id')) }} = identity_counts.identity_hash
    where {{ within_reach }} and not {{ touched }}
),

repeated_lines as (
    select * from {{ lines }}
    where
        {{ within_reach }}
        and {{ identity_hash(trimmed('source'), trimmed('id')) }} in (select repeated_identities.identity_hash from repeated_identities)
),

repeated_events as (
    {{ typed_usage_events('repeated_lines') }}
),

-- Compared are events that keep the contract by themselves, so that no change of the catalogue changes what another event is.
comparable as (
    select
        repeated_events.event_source,
        repeated_events.event_id,
        repeated_events.landed_on,
        landed_files.landing_position,
        repeated_events.line_number,
        {{ days_between("cast('1970-01-01' as date)", 'repeated_events.landed_on') }} as landing_day,
        {{ arrival_number('landed_files.landing_position', 'repeated_events.line_number') }} as arrival,
        {{ touched }} as is_touched,
        {{ event_content() }} as content
    from repeated_events
    inner join landed_files on repeated_events.file_name = landed_files.file_name
    where repeated_events.contract_violation is null
),

-- What arrived first within the window stays what it is. When a landing day disagrees with itself, nobody can say which content is true.
ranked as (
    select
        comparable.*,
        min(arrival) over (
            partition by event_source, event_id
            order by landing_day asc
            range between {{ var('dedupe_window_days') | int + 1 }} preceding and {{ var('dedupe_window_days') | int + 1 }} following
        ) as first_arrival,
        min(content) over (partition by event_source, event_id, landed_on) as least_content,
        max(content) over (partition by event_source, event_id, landed_on) as greatest_content
    from comparable
),

compared as (
    select
        ranked.landing_position,
        ranked.line_number,
        ranked.landed_on,
        case
            when first_events.landed_on <> ranked.landed_on and first_events.content <> ranked.content then 'conflict'
            when first_events.landed_on <> ranked.landed_on then 'duplicate'
            when ranked.least_content <> ranked.greatest_content then 'conflict'
            when ranked.arrival <> ranked.first_arrival then 'duplicate'
        end as finding
    from ranked
    inner join comparable as first_events on ranked.first_arrival = first_events.arrival
    where ranked.is_touched
),

final as (
    select
        landing_position,
        line_number,
        landed_on,
        finding
    from compared
    where finding is not null
)

select * from final
