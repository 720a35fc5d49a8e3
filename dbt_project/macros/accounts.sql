{% macro ranked_account_mappings(wanted, mappings) -%}
    {#- Every mapping that could serve a wanted (entity, product, document_month, document_date), ranked: the most specific first, then the latest. -#}
    select
        {{ wanted }}.entity,
        {{ wanted }}.product,
        {{ wanted }}.document_month,
        {{ mappings }}.posting_role,
        {{ mappings }}.account_code,
        row_number() over (
            partition by {{ wanted }}.entity, {{ wanted }}.product, {{ wanted }}.document_month, {{ mappings }}.posting_role
            order by
                case when {{ mappings }}.product = '*' then 1 else 0 end asc,
                case when {{ mappings }}.entity = '*' then 1 else 0 end asc,
                {{ mappings }}.effective_from desc,
                {{ mappings }}.mapping_id asc
        ) as preference
    from {{ wanted }}
    inner join {{ mappings }}
        on
            ({{ mappings }}.entity = {{ wanted }}.entity or {{ mappings }}.entity = '*')
            and ({{ mappings }}.product = {{ wanted }}.product or {{ mappings }}.product = '*')
            and {{ mappings }}.effective_from <= {{ wanted }}.document_date
{%- endmacro %}
