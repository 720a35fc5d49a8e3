{{ config(materialized='view') }}

with

reads as (
    select
        entity,
        period,
        max(read_id) as read_id
    from {{ ref('stg_platform__reads') }}
    group by
        entity,
        period
),

final as (
    select
        usage.entity,
        usage.period,
        usage.customer_remote_id,
        usage.event_name,
        usage.window_start,
        usage.window_end,
        {{ safe_cast_to('usage.counted', quantity_type()) }} as counted
    from {{ source('platform', 'platform_usage') }} as usage
    inner join reads
        on
            usage.entity = reads.entity
            and usage.period = reads.period
            and usage.read_id = reads.read_id
)

select * from final
