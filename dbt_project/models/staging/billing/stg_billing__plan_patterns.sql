with

latest as (
    {{ latest_landed(source('raw_billing', 'plan_patterns'), ['plan_id', 'effective_from']) }}
),

typed as (
    select
        plan_id,
        lower({{ blank_to_null('rated_by') }}) as rated_by,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        file_name,
        line_number
    from latest
),

final as (
    select
        plan_id,
        rated_by,
        effective_from,
        file_name,
        line_number,
        case
            when coalesce(rated_by, '') not in ('warehouse', 'billing_platform') then 'unknown_word'
            when effective_from is null then 'not_a_date'
        end as violation
    from typed
)

select * from final
