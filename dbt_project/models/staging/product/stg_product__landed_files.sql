with

landed_files as (
    select * from {{ source('raw_usage', 'landed_files') }}
),

final as (
    select
        position as landing_position,
        file_name,
        landed_on,
        row_count,
        loaded_at
    from landed_files
    where relation = 'raw.usage_events'
)

select * from final
