{% macro latest_landed(relation, key) -%}
    {#- Reference data is append-only: of the rows landed for one natural key, the last one stands. -#}
    select ranked.*
    from (
        select
            landed.*,
            row_number() over (
                partition by {{ key | join(', ') }}
                order by landed.landed_on desc, landed.file_name desc, landed.line_number desc
            ) as landed_rank
        from {{ relation }} as landed
    ) as ranked
    where ranked.landed_rank = 1
{%- endmacro %}

{% macro blank_to_null(column) -%}
    nullif({{ trimmed(column) }}, '')
{%- endmacro %}
