{% macro register_usage_reports(documents) -%}
{#- The usage that was reported to the billing platform; a cancelled report was never made. -#}
with

documents as (
    select * from {{ documents }}
    where
        document_type = 'usage_report'
        and state <> 'cancelled'
),

final as (
    select
        document_position,
        business_key,
        entity,
        period,
        state,
        {{ json_text('payload', 'usage_key') }} as usage_key,
        {{ json_text('payload', 'group_key') }} as group_key,
        {{ json_text('payload', 'customer_id') }} as customer_id,
        {{ json_text('payload', 'event_name') }} as event_name,
        cast({{ json_text('payload', 'value') }} as bigint) as reported_value,
        cast({{ json_text('payload', 'event_count') }} as bigint) as event_count,
        cast({{ json_text('payload', 'window_start') }} as bigint) as window_start,
        cast({{ json_text('payload', 'window_end') }} as bigint) as window_end
    from documents
)

select * from final
{%- endmacro %}
