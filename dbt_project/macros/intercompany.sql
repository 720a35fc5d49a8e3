{#- Who sells what another legal entity contracts and invoices. -#}

{% macro ranked_agreements(wanted, agreements) -%}
    {#- Every agreement that could serve a wanted (entity, product, document_month, document_date), ranked: the most specific first, then the latest.
        One that is refused is among them, so that what it would decide waits. -#}
    select
        {{ wanted }}.entity,
        {{ wanted }}.product,
        {{ wanted }}.document_month,
        {{ wanted }}.document_date,
        {{ agreements }}.selling_entity,
        {{ agreements }}.transfer_share,
        {{ agreements }}.violation,
        row_number() over (
            partition by {{ wanted }}.entity, {{ wanted }}.product, {{ wanted }}.document_date
            order by
                case when {{ agreements }}.product = '*' then 1 else 0 end asc,
                case when {{ agreements }}.entity = '*' then 1 else 0 end asc,
                {{ agreements }}.effective_from desc,
                {{ agreements }}.selling_entity asc
        ) as preference
    from {{ wanted }}
    inner join {{ agreements }}
        on
            ({{ agreements }}.entity = {{ wanted }}.entity or {{ agreements }}.entity = '*')
            and ({{ agreements }}.product = {{ wanted }}.product or {{ agreements }}.product = '*')
            and {{ agreements }}.effective_from <= {{ wanted }}.document_date
{%- endmacro %}

{% macro selling_entity(sellers) -%}
    {#- Null where the entity that contracts sells itself. -#}
    nullif({{ sellers }}.selling_entity, {{ sellers }}.entity)
{%- endmacro %}

{% macro transfer_share(sellers) -%}
    case when {{ sellers }}.selling_entity <> {{ sellers }}.entity then {{ sellers }}.transfer_share end
{%- endmacro %}

{% macro intercompany_role(line_key) -%}
    {#- What a line of an intercompany entry is, by its leg; null of any other line. -#}
    case
        {% for role in ['receivable', 'payable', 'revenue', 'expense'] -%}
        when {{ matches(line_key, '#intercompany_' ~ role) }} then '{{ role }}'
        {% endfor -%}
    end
{%- endmacro %}
