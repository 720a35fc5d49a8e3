{#- Account mappings: which account, with which dimensions, serves a posting role of an event, a product, a country and a legal entity. -#}

{% macro ranked_account_mappings(wanted, mappings, event="'*'", country="'*'") -%}
    {#- Every mapping that could serve a wanted (entity, product, document_month, document_date), ranked: one that names the event goes before one for all,
        then the product, the country, the entity; then the one that holds since last. ``event`` and ``country`` are expressions of the wanted row. What is
        refused takes its rank and gives no account, so that nothing is posted by a mapping that was not meant. -#}
    select
        {{ wanted }}.entity,
        {{ wanted }}.product,
        {{ event }} as event,
        {{ country }} as country,
        {{ wanted }}.document_month,
        {{ mappings }}.posting_role,
        case when {{ mappings }}.violation is null then {{ mappings }}.account_code end as account_code,
        {{ mappings }}.dimensions,
        {{ mappings }}.violation,
        row_number() over (
            partition by {{ wanted }}.entity, {{ wanted }}.product, {{ event }}, {{ country }}, {{ wanted }}.document_month, {{ mappings }}.posting_role
            order by
                case when {{ mappings }}.event = '*' then 1 else 0 end asc,
                case when {{ mappings }}.product = '*' then 1 else 0 end asc,
                case when {{ mappings }}.country = '*' then 1 else 0 end asc,
                case when {{ mappings }}.entity = '*' then 1 else 0 end asc,
                {{ mappings }}.effective_from desc,
                {{ mappings }}.mapping_id asc,
                {{ mappings }}.mapping_version asc
        ) as preference
    from {{ wanted }}
    inner join {{ mappings }}
        on
            ({{ mappings }}.entity = {{ wanted }}.entity or {{ mappings }}.entity = '*')
            and ({{ mappings }}.product = {{ wanted }}.product or {{ mappings }}.product = '*')
            and ({{ mappings }}.event = {{ event }} or {{ mappings }}.event = '*')
            and ({{ mappings }}.country = {{ country }} or {{ mappings }}.country = '*')
            and {{ mappings }}.effective_from <= {{ wanted }}.document_date
            and ({{ mappings }}.effective_to > {{ wanted }}.document_date or {{ mappings }}.effective_to is null)
{%- endmacro %}

{% macro mapped_accounts(wanted, mappings, accounts, event="'*'", country="'*'") -%}
    {#- One row per wanted row and posting role: the account that serves it, with its dimensions, or why none may. A role without a row has no mapping. -#}
    select
        ranked.entity,
        ranked.product,
        ranked.event,
        ranked.country,
        ranked.document_month,
        ranked.posting_role,
        ranked.account_code,
        ranked.dimensions,
        case
            when ranked.violation in ('unknown_account', 'inactive_account') then 'unknown_account'
            when ranked.violation is not null then 'refused_account_mapping'
            when {{ accounts }}.account_code is null or not {{ accounts }}.is_active then 'unknown_account'
            when {{ lacks_a_dimension('ranked.entity', 'ranked.account_code', 'ranked.dimensions') }} then 'missing_dimension'
        end as hold_reason
    from (
        {{ ranked_account_mappings(wanted, mappings, event, country) }}
    ) as ranked
    left join {{ accounts }}
        on
            ranked.entity = {{ accounts }}.entity
            and ranked.account_code = {{ accounts }}.account_code
    where ranked.preference = 1
{%- endmacro %}

{% macro lacks_a_dimension(entity, account, dimensions) -%}
    {#- Whether an account requires a dimension that the canonical text (name=value;name=value) does not state. -#}
    exists (
        select 1
        from {{ ref('stg_finance__required_dimensions') }} as required
        where
            required.entity = {{ entity }}
            and required.account_code = {{ account }}
            and position(';' || required.dimension || '=' in ';' || coalesce({{ dimensions }}, '')) = 0
    )
{%- endmacro %}

{% macro account_dimensions(roles) -%}
    {#- The dimensions of the accounts of a line in one text, as they are frozen with it; ``roles``: name -> expression. Nothing where none has any. -#}
    case when coalesce({{ roles.values() | join(', ') }}) is not null then cast({{ json_object(roles) }} as varchar) end
{%- endmacro %}

{% macro largest_dimensions() %}8{% endmacro %}
