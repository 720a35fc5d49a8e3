with

latest as (
    {{ latest_landed(source('raw_billing', 'meters'), ['meter']) }}
),

final as (
    select
        meter,
        unit,
        aggregation,
        description
    from latest
)

select * from final
