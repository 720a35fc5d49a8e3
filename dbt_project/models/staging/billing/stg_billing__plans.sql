with

latest as (
    {{ latest_landed(source('raw_billing', 'plans'), ['plan_id']) }}
),

typed as (
    select
        plan_id,
        name as plan_name,
        lower(coalesce({{ blank_to_null('anchor') }}, 'calendar')) as anchor,
        lower(coalesce({{ blank_to_null('period_unit') }}, 'month')) as period_unit,
        coalesce({{ blank_to_null('period_count') }}, '1') as period_count_text,
        file_name,
        line_number
    from latest
),

final as (
    select
        plan_id,
        plan_name,
        anchor,
        period_unit,
        case when {{ matches('period_count_text', '^[1-9][0-9]{0,2}$') }} then {{ safe_cast_to('period_count_text', 'integer') }} end as period_count,
        file_name,
        line_number,
        case
            when anchor not in ('calendar', 'subscription') or period_unit not in ('day', 'week', 'month', 'quarter', 'year') then 'unknown_word'
            when not {{ matches('period_count_text', '^[1-9][0-9]{0,2}$') }} then 'not_a_number'
        end as violation
    from typed
)

select * from final
