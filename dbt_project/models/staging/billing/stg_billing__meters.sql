with

latest as (
    {{ latest_landed(source('raw_billing', 'meters'), ['meter']) }}
),

final as (
    select
        meter,
        unit,
        lower(aggregation) as aggregation,
        description,
        {{ blank_to_null('dimensions') }} as dimensions,
        {{ blank_to_null('counted_attribute') }} as counted_attribute,
        {{ blank_to_null('amount_attribute') }} as amount_attribute,
        coalesce(lower({{ blank_to_null('bucket') }}), 'period') as bucket,
        coalesce({{ safe_cast_to(blank_to_null('largest_quantity'), quantity_type()) }}, {{ var('largest_quantity') }}) as largest_quantity,
        -- The platform's name of the meter, and how many of its units are one of ours; no value where that cannot be read.
        coalesce({{ blank_to_null('reported_as') }}, meter) as reported_as,
        case
            when {{ blank_to_null('reported_scale') }} is null then 1
            when {{ matches(blank_to_null('reported_scale'), '^[1-9][0-9]{0,8}$') }} then {{ safe_cast_to(blank_to_null('reported_scale'), 'integer') }}
        end as reported_scale,
        file_name,
        line_number
    from latest
)

select * from final
