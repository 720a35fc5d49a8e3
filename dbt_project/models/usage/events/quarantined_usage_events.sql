{{ config(materialized='view') }}

with

dispositions as (
    select * from {{ ref('usage_event_dispositions') }}
),

-- The line itself stays in raw; only what is quarantined is carried on, for the person who looks at it. A file whose columns are the
-- attributes has no other record than these.
landed as (
    select
        file_name,
        line_number,
        coalesce(record, cast({{ json_object({"specversion": "specversion", "id": "id", "source": "source", "type": "type", "subject": "subject", "time": "time", "data": "data"}) }} as varchar)) as record
    from {{ source('raw_usage', 'usage_events') }}
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
        landed.record
    from dispositions
    left join landed
        on
            dispositions.file_name = landed.file_name
            and dispositions.line_number = landed.line_number
    left join reasons on dispositions.reason = reasons.reason
    where dispositions.disposition = 'quarantined'
)

select * from final
