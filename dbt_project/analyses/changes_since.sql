-- question: What changed since yesterday?
-- grain: one row per kind of change, legal entity, period, subject and currency
-- parameter since, optional: UTC day or time from which changes count (default: one day ago)
with

documents as (
    select * from {{ source('register_closing', 'documents') }}
),

transitions as (
    select * from {{ source('register_closing', 'transitions') }}
),

landed_files as (
    select * from {{ source('raw_usage', 'landed_files') }}
),

periods as (
    select * from {{ source('register_closing', 'periods') }}
),

bounds as (
    select coalesce(cast({{ parameter('since') }} as timestamp), cast(now() at time zone 'UTC' as timestamp) - interval 1 day) as changed_from
),

sealed as (
    select
        'sealed' as change,
        documents.entity,
        documents.period,
        documents.document_type as subject,
        documents.currency,
        documents.total_minor,
        documents.sealed_at as changed_at
    from documents
    inner join bounds on documents.sealed_at >= bounds.changed_from
),

moved as (
    select
        transitions.state as change,
        documents.entity,
        documents.period,
        documents.document_type || ' at ' || documents.system as subject,
        documents.currency,
        documents.total_minor,
        transitions.at as changed_at
    from transitions
    inner join bounds on transitions.at >= bounds.changed_from
    inner join documents on transitions.document_position = documents.position
    -- What is sealed is pending, and what is sent is in flight: neither is news.
    where transitions.state not in ('pending', 'in_flight')
),

landed as (
    select
        'landed' as change,
        cast(null as varchar) as entity,
        cast(null as varchar) as period,
        landed_files.source as subject,
        cast(null as varchar) as currency,
        cast(null as bigint) as total_minor,
        landed_files.loaded_at as changed_at
    from landed_files
    inner join bounds on landed_files.loaded_at >= bounds.changed_from
),

period_changes as (
    select
        'period' as change,
        periods.entity,
        periods.period,
        periods.status as subject,
        cast(null as varchar) as currency,
        cast(null as bigint) as total_minor,
        periods.at as changed_at
    from periods
    inner join bounds on periods.at >= bounds.changed_from
),

changes as (
    select * from sealed
    union all
    select * from moved
    union all
    select * from landed
    union all
    select * from period_changes
),

final as (
    select
        change,
        entity,
        period,
        subject,
        currency,
        count(*) as items,
        cast(sum(total_minor) as bigint) as total_minor,
        min(changed_at) as first_at,
        max(changed_at) as last_at
    from changes
    group by all
)

select * from final
order by last_at desc, change asc, entity asc, period asc, subject asc, currency asc
