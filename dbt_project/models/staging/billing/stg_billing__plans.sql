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

repeated as (
    select distinct natural_key from {{ ref('repeated_reference_rows') }}
    where source = 'plans'
),

final as (
    select
        typed.plan_id,
        typed.plan_name,
        typed.anchor,
        typed.period_unit,
        case when {{ matches('typed.period_count_text', '^[1-9][0-9]{0,2}$') }} then {{ safe_cast_to('typed.period_count_text', 'integer') }} end as period_count,
        typed.file_name,
        typed.line_number,
        case
            when typed.anchor not in ('calendar', 'subscription') or typed.period_unit not in ('day', 'week', 'month', 'quarter', 'year') then 'unknown_word'
            when not {{ matches('typed.period_count_text', '^[1-9][0-9]{0,2}$') }} then 'not_a_number'
            when repeated.natural_key is not null then 'stated_twice'
        end as violation
    from typed
    left join repeated on typed.plan_id = repeated.natural_key
)

select * from final
