{% macro posting_legs(models) -%}
    {#- Every leg that the models know, in one shape: debit positive in minor units of the transaction currency. What ``signed_functional_minor``
        leaves empty is converted at the entry's exchange rate; an amount of the functional currency alone has a ``signed_minor`` of zero. -#}
    {%- for model in models %}
        select
            natural_id,
            event,
            reverses,
            source_document,
            source_number,
            source_document_type,
            entity,
            posting_date,
            currency,
            functional_currency,
            exchange_rate,
            rounding_account,
            leg,
            account,
            dimensions,
            signed_minor,
            signed_functional_minor,
            document_customer_id,
            customer_id,
            partner_entity,
            source_line_key,
            service_period_start,
            service_period_end
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro issue_entry_id(documents) -%}
    {#- What identifies the journal entry of an issued document within its entity. -#}
    {{ dbt.concat([documents ~ ".document_type", "':'", documents ~ ".natural_id", "':issued'"]) }}
{%- endmacro %}

{% macro is_leg(leg, lines=none) -%}
    {#- Whether a journal line is this leg of its entry. -#}
    {%- set alias = lines ~ '.' if lines else '' -%}
    {{ alias }}line_key = {{ dbt.concat([alias ~ "natural_id", "'#" ~ leg ~ "'"]) }}
{%- endmacro %}
