{#- Tables and views of DuckDB, each replaced by one statement. What dbt does on every database (build under another name, rename twice,
    drop) asks several questions per model, and in a warehouse that is a file they take longer than most models do. -#}

{% materialization table, adapter='duckdb' %}
    {%- set contract_is_enforced = config.get('contract').enforced -%}
    {%- do drop_unless(this, 'table') -%}
    {%- call statement('main', auto_begin=contract_is_enforced) -%}
        {%- if contract_is_enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
            create or replace table {{ this }} {{ get_table_columns_and_constraints() }};
            insert into {{ this }} {{ get_column_names() }} (
                {{ get_select_subquery(compiled_code) }}
            )
        {%- else %}
            create or replace table {{ this }} as (
                {{ compiled_code }}
            )
        {%- endif %}
    {%- endcall -%}
    {%- if contract_is_enforced -%}{%- do adapter.commit() -%}{%- endif -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- do drop_unless(this, 'view') -%}
    {%- call statement('main', auto_begin=false) -%}
        {%- if config.get('contract').enforced -%}{{ get_assert_columns_equivalent(compiled_code) }}{%- endif %}
        create or replace view {{ this }} as (
            {{ compiled_code }}
        )
    {%- endcall -%}
    {{ return({'relations': [this.incorporate(type='view')]}) }}
{% endmaterialization %}

{% macro drop_unless(relation, type) %}
    {#- A table cannot replace a view, nor a view a table. -#}
    {%- set existing = load_cached_relation(relation) -%}
    {%- if existing is not none and existing.type != type -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
{% endmacro %}
