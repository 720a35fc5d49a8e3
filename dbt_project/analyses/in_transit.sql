-- question: What is in transit?
-- grain: one row per document that is sealed and not yet seen at its destination as it was sealed
-- parameter entity, optional: legal entity (default: all)
-- parameter system, optional: destination (default: all)
with

documents as (
    select * from {{ source('register_closing', 'documents') }}
),

transitions as (
    select * from {{ source('register_closing', 'transitions') }}
),

-- The mirror has what was last published; models of a close that broke off do not.
latest as (
    select
        document_position,
        max_by(state, position) as state,
        max_by(reason, position) as reason,
        max_by(remote_id, position) as remote_id,
        max(transitions.at) as state_since
    from transitions
    group by document_position
),

final as (
    select
        documents.system,
        documents.entity,
        documents.period,
        documents.document_type,
        coalesce(documents.number, documents.business_key) as document,
        latest.state,
        latest.reason,
        documents.currency,
        documents.total_minor,
        documents.sealed_at,
        latest.state_since,
        date_diff('hour', documents.sealed_at, cast(now() at time zone 'UTC' as timestamp)) as age_hours,
        latest.remote_id,
        documents.reference
    from documents
    left join latest on documents.position = latest.document_position
    where
        -- What the register itself has carried over goes nowhere.
        documents.system <> 'register'
        and latest.state not in ('verified', 'reversed', 'cancelled')
        and ({{ parameter('entity') }} is null or documents.entity = {{ parameter('entity') }})
        and ({{ parameter('system') }} is null or documents.system = {{ parameter('system') }})
)

select * from final
order by sealed_at, reference
