with

landed_files as (
    select * from {{ source('raw_usage', 'landed_files') }}
),

-- What was left out with a reason, or is there already, was delivered all the same. What tells of others is not told of itself.
final as (
    select
        source as source_name,
        file_name,
        landed_on,
        relation = 'raw.usage_events' as is_usage,
        row_count + coalesce(excluded_count, 0) + coalesce(repeated_count, 0) as delivered_count
    from landed_files
    where relation <> 'raw.control_totals'
)

select * from final
