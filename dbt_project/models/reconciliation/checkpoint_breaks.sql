with

comparisons as (
    select * from {{ ref('checkpoint_comparisons') }}
),

final as (
    select
        checkpoint,
        entity,
        period,
        measure,
        unit,
        subject,
        left_value,
        right_value,
        excused_value,
        difference,
        explanation
    from comparisons
    where is_break
)

select * from final
