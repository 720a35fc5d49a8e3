{#- Delivered rows that are refused: each with its file, its line and the rule that it breaks. -#}

{% macro refused_rows(relation, source_name, subject, file_name='file_name') -%}
    {#- What one source refuses; source_name and subject are the texts that say where the row comes from and what it states. -#}
    select
        {{ source_name }} as source,
        {{ subject }} as subject,
        {{ 'file_name' if file_name == 'file_name' else file_name ~ ' as file_name' }},
        line_number,
        violation as rule
    from {{ relation }}
    where violation is not null
{%- endmacro %}

{% macro natural_key(columns) -%}
    {#- The members of a natural key in one text; key_member gives one of them back. -#}
    {%- set members = [] -%}
    {%- for column in columns -%}
        {%- do members.append("coalesce(trim(" ~ column ~ "), '')") -%}
        {%- if not loop.last -%}{%- do members.append("'|'") -%}{%- endif -%}
    {%- endfor -%}
    {{ dbt.concat(members) if members | length > 1 else members[0] }}
{%- endmacro %}

{% macro key_member(key, place) %}split_part({{ key }}, '|', {{ place }}){% endmacro %}

{% macro repeated_rows(source_name, relation, key, content) -%}
    {#- Rows of one file that state a natural key again, in other words than the row of that file before them. -#}
    select
        '{{ source_name }}' as source,
        {{ natural_key(key) }} as natural_key,
        file_name,
        line_number
    from (
        select
            landed.*,
            {{ natural_key(content) }} as content,
            lag({{ natural_key(content) }}) over (partition by {{ key | join(', ') }}, file_name order by line_number asc) as content_before,
            dense_rank() over (partition by {{ key | join(', ') }} order by landed_on desc, file_name desc) as recency
        from {{ relation }} as landed
    ) as ranked
    where
        recency = 1
        and content_before is not null
        and content <> content_before
{%- endmacro %}
