-- question: What is in transit?
-- grain: one row per document that is sealed and not yet seen at its destination as it was sealed
-- parameter entity, optional: legal entity (default: all)
-- parameter system, optional: destination (default: all)
with

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
),

final as (
    select
        system,
        entity,
        period,
        document_type,
        coalesce(number, business_key) as document,
        state,
        reason,
        currency,
        total_minor,
        sealed_at,
        state_since,
        date_diff('hour', sealed_at, cast(now() at time zone 'UTC' as timestamp)) as age_hours,
        remote_id,
        reference
    from documents
    where
        -- What the register itself has carried over goes nowhere.
        system <> 'register'
        and state not in ('verified', 'reversed', 'cancelled')
        and ({{ parameter('entity') }} is null or entity = {{ parameter('entity') }})
        and ({{ parameter('system') }} is null or system = {{ parameter('system') }})
)

select * from final
order by sealed_at, reference
