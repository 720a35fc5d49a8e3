{#- What a person decides about issued documents, as against what follows from data. -#}

{% macro decision_causes() %}'goodwill', 'void', 'void_and_rebill'{% endmacro %}

{% macro decision_natural_id(request_id) -%}
    {#- What identifies the document of a decision, so that it is sealed once. -#}
    {{ dbt.concat(["'decision:'", request_id]) }}
{%- endmacro %}

{% macro decision_id_of(natural_id) -%}
    substr({{ natural_id }}, length('decision:') + 1)
{%- endmacro %}

{% macro credited_tax(credit_minor, remaining_minor, remaining_tax_minor, tax_rate) -%}
    {#- The tax of a credited net. The final credit of a line takes the remaining tax with the remaining net. -#}
    case
        when {{ credit_minor }} = {{ remaining_minor }} then {{ remaining_tax_minor }}
        else least({{ remaining_tax_minor }}, {{ apply_rate(credit_minor, tax_rate) }})
    end
{%- endmacro %}
