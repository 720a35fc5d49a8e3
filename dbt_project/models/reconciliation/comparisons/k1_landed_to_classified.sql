with

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
),

dispositions as (
    select * from {{ ref('usage_event_dispositions') }}
),

landed as (
    select
        '*' as entity,
        {{ period_of('landed_on') }} as period,
        'events' as measure,
        'events' as unit,
        file_name as subject,
        row_count as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        false as must_exist
    from landed_files
),

classified as (
    select
        '*' as entity,
        {{ period_of('landed_on') }} as period,
        'events' as measure,
        'events' as unit,
        file_name as subject,
        sum(case when disposition in ('kept', 'duplicate', 'quarantined', 'retracted', 'retraction') then 1 else 0 end) as compared_value
    from dispositions
    group by
        landed_on,
        file_name
),

final as (
    {{ comparison('landed', 'classified', 'K1') }}
)

select * from final
