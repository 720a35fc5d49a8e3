{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas are rooms with fixed names, the same in every target: the register mirror and the readers rely on them. -#}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
