{#- The book that every legal entity has, and whose entries its ERP holds. -#}

{% macro primary_book() %}primary{% endmacro %}
