with

latest as (
    {{ latest_landed(source('raw_usage', 'control_totals'), ['source', 'sent_on', 'file']) }}
),

typed as (
    select
        {{ blank_to_null('source') }} as source_name,
        {{ safe_cast_to(blank_to_null('sent_on'), 'date') }} as delivered_on,
        {{ blank_to_null('file') }} as file_within_day,
        {{ safe_cast_to(blank_to_null('row_count'), 'bigint') }} as row_count,
        {{ safe_cast_to(blank_to_null('quantity'), quantity_type()) }} as quantity,
        {{ blank_to_null('quantity') }} is not null as states_quantity,
        lower(coalesce({{ blank_to_null('is_last_day') }}, 'false')) in ('true', 't', '1', 'yes') as is_last_day,
        file_name as told_in,
        line_number
    from latest
),

final as (
    select
        source_name,
        delivered_on,
        case
            when file_within_day is not null
                then {{ dbt.concat(["source_name", "'/'", "cast(delivered_on as varchar)", "'/'", "file_within_day"]) }}
        end as file_name,
        row_count,
        quantity,
        is_last_day,
        told_in,
        line_number,
        case
            when source_name is null then 'missing_source'
            when delivered_on is null then 'not_a_date'
            when row_count is null or (states_quantity and quantity is null) then 'not_a_number'
            when row_count < 0 or (file_within_day is null and row_count > 0) then 'rows_of_no_file'
        end as violation
    from typed
)

select * from final
