with

served_revenue as (
    select * from {{ ref('served_revenue') }}
),

final as (
    select
        document_line_key,
        document_position,
        source_document,
        entity,
        currency,
        recognition_month,
        {{ period_of('recognition_month') }} as recognition_period,
        {{ sum_whole('amount_minor') }} as amount_minor
    from served_revenue
    group by
        document_line_key,
        document_position,
        source_document,
        entity,
        currency,
        recognition_month
)

select * from final
