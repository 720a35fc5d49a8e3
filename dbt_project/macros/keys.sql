{#- The keys of lines, and what a key alias makes of them. -#}

{#- The dimensions of a charge are told as on a line: CHARGE, or CHARGE/NAME=VALUE;NAME=VALUE. -#}

{% macro charge_of_key(key) %}regexp_replace({{ key }}, '/[^/=]+=.*$', ''){% endmacro %}

{% macro dimensions_of_key(key) %}substring({{ key }}, length({{ charge_of_key(key) }}) + 2){% endmacro %}

{% macro under_stable_key(relation, column, kind) -%}
    {#- The landed rows of a relation with the stable key beside the one that they state: what comes under a new name takes the place of the old. -#}
    (
        select
            stated.*,
            coalesce(stable_keys.stable_key, stated.{{ column }}) as stable_{{ column }}
        from {{ relation }} as stated
        left join {{ ref('stg_crm__stable_keys') }} as stable_keys
            on
                stated.{{ column }} = stable_keys.stated_key
                and stable_keys.kind = '{{ kind }}'
    )
{%- endmacro %}

{% macro usage_key(owner, charge, service_period_start, dimensions) -%}
    {{ dbt.concat([owner, "'/'", charge, "'/'", "cast(" ~ service_period_start ~ " as varchar)", "case when " ~ dimensions ~ " = '' then '' else '/' || " ~ dimensions ~ " end"]) }}
{%- endmacro %}

{% macro stands_at_end(merged_customers, ends_on) -%}
    {#- Whether a merge is the one that counts for what ends before a day: whom a customer has become when its last day begins. -#}
    {{ merged_customers }}.effective_from < {{ ends_on }} and ({{ merged_customers }}.effective_to >= {{ ends_on }} or {{ merged_customers }}.effective_to is null)
{%- endmacro %}

{#- What was issued before its alias was known keeps its key in the register; it is subtracted under the stable one. -#}

{% macro dimensions_of_line(line_key, subscription_id, charge_id) -%}
    substring({{ line_key }}, length({{ subscription_id }}) + length({{ charge_id }}) + 14)
{%- endmacro %}

{% macro stable_keys_of_issued_lines(line_key, subscription_id, charge_id) -%}
    left join {{ ref('stg_crm__stable_keys') }} as stable_subscriptions
        on
            {{ subscription_id }} = stable_subscriptions.stated_key
            and stable_subscriptions.kind = 'subscription'
    left join {{ ref('stg_crm__stable_keys') }} as stable_charges
        on
            {{ charge_id }} = stable_charges.stated_key
            and stable_charges.kind = 'charge'
    left join {{ ref('stg_crm__stable_keys') }} as stable_dimensions
        on
            coalesce(stable_charges.stable_key, {{ charge_id }}) = stable_dimensions.charge_id
            and {{ dimensions_of_line(line_key, subscription_id, charge_id) }} = stable_dimensions.dimensions
{%- endmacro %}

{% macro stable_line_key(line_key, subscription_id, charge_id) -%}
    case
        when coalesce(stable_subscriptions.kind, stable_charges.kind, stable_dimensions.kind) is null then {{ line_key }}
        else {{ usage_key(
            "coalesce(stable_subscriptions.stable_key, " ~ subscription_id ~ ")",
            "coalesce(stable_charges.stable_key, " ~ charge_id ~ ")",
            "substring(" ~ line_key ~ ", length(" ~ subscription_id ~ ") + length(" ~ charge_id ~ ") + 3, 10)",
            "coalesce(stable_dimensions.stable_dimensions, " ~ dimensions_of_line(line_key, subscription_id, charge_id) ~ ")"
        ) }}
    end
{%- endmacro %}

{% macro stable_group_key(group_key, subscription_id) -%}
    case
        when stable_subscriptions.kind is null then {{ group_key }}
        else stable_subscriptions.stable_key || substring({{ group_key }}, length({{ subscription_id }}) + 1)
    end
{%- endmacro %}
