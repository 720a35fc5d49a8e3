with

requests as (
    select * from {{ source('register_opening', 'approval_requests') }}
),

verdicts as (
    select * from {{ source('register_opening', 'verdicts') }}
),

latest_verdicts as (
    select
        ranked.request_position,
        ranked.position as verdict_position,
        ranked.verdict,
        ranked.content_hash,
        ranked.decided_by
    from (
        select
            verdicts.*,
            row_number() over (partition by request_position order by position desc) as recency
        from verdicts
    ) as ranked
    where ranked.recency = 1
),

final as (
    select
        requests.position as request_position,
        requests.request_id,
        requests.kind,
        requests.entity,
        requests.subject,
        requests.line_key,
        requests.currency,
        requests.amount_minor,
        requests.basis,
        requests.disposition,
        requests.rebill,
        requests.reason,
        requests.content_hash,
        requests.requested_by,
        latest_verdicts.verdict_position,
        latest_verdicts.decided_by,
        -- An approval is of what its author saw.
        case
            when latest_verdicts.verdict = 'approved' and latest_verdicts.content_hash <> requests.content_hash then 'open'
            else coalesce(latest_verdicts.verdict, 'open')
        end as status
    from requests
    left join latest_verdicts on requests.position = latest_verdicts.request_position
)

select * from final
