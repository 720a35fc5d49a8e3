with

dispositions as (
    select * from {{ ref('usage_event_dispositions') }}
),

reasons as (
    select * from {{ ref('reasons') }}
),

final as (
    select
        dispositions.file_name,
        dispositions.line_number,
        dispositions.landed_on,
        dispositions.event_source,
        dispositions.event_id,
        dispositions.customer_id,
        dispositions.meter,
        dispositions.reason,
        reasons.meaning,
        reasons.what_to_do,
        dispositions.record
    from dispositions
    left join reasons on dispositions.reason = reasons.reason
    where dispositions.disposition = 'quarantined'
)

select * from final
