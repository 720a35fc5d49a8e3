-- question: What waits for approval?
-- grain: one row per request without a verdict, and one per plan that a run gate stopped and nobody was asked about yet
-- parameter entity, optional: legal entity (default: all)
with

requests as (
    select * from {{ source('register_opening', 'approval_requests') }}
),

verdicts as (
    select * from {{ source('register_opening', 'verdicts') }}
),

run_gates as (
    select * from {{ ref('run_gates') }}
),

open_requests as (
    select
        requests.kind,
        requests.entity,
        requests.subject,
        requests.currency,
        requests.amount_minor,
        requests.reason,
        requests.requested_by,
        requests.at as requested_at,
        'tieout approve ' || requests.request_id as what_to_do
    from requests
    left join verdicts on requests.position = verdicts.request_position
    where verdicts.position is null
),

stopped_gates as (
    select
        'run_gate' as kind,
        entity,
        subject || ' ' || strftime(document_month, '%Y-%m') as subject,
        functional_currency as currency,
        gross_minor as amount_minor,
        line_count || ' lines above the limits' as reason,
        cast(null as varchar) as requested_by,
        cast(null as timestamp) as requested_at,
        'tieout approve ' || plan_hash as what_to_do
    from run_gates
    where is_stopped and request_id is null
),

waiting as (
    select * from open_requests
    union all
    select * from stopped_gates
),

final as (
    select * from waiting
    where {{ parameter('entity') }} is null or entity = {{ parameter('entity') }}
)

select * from final
order by requested_at, kind, subject
