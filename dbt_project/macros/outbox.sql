{% macro outbox_contract_version() %}1{% endmacro %}

{% macro billing_line_json(alias, extra) -%}
    {#- One line of an invoice or credit memo as it is sealed: every fact that was resolved for it. -#}
    {%- set members = {
        "line_key": alias ~ ".document_line_key",
        "rated_line_key": alias ~ ".line_key",
        "customer_id": alias ~ ".customer_id",
        "group_key": alias ~ ".group_key",
        "kind": alias ~ ".kind",
        "description": alias ~ ".description",
        "subscription_id": alias ~ ".subscription_id",
        "charge_id": alias ~ ".charge_id",
        "meter": alias ~ ".meter",
        "product": alias ~ ".product",
        "quantity": decimal_text(alias ~ ".quantity"),
        "event_count": alias ~ ".event_count",
        "amount_precise": decimal_text(alias ~ ".amount_precise"),
        "amount_minor": alias ~ ".amount_minor",
        "tax_code": alias ~ ".tax_code",
        "tax_rate": decimal_text(alias ~ ".tax_rate"),
        "tax_minor": alias ~ ".tax_minor",
        "country": alias ~ ".country",
        "tax_behavior": alias ~ ".tax_behavior",
        "inclusive_tax_rounding": alias ~ ".inclusive_tax_rounding",
        "tax_treatment": alias ~ ".tax_treatment",
        "exemption_reason": alias ~ ".exemption_reason",
        "exemption_certificate": alias ~ ".exemption_certificate",
        "customer_tax_id": alias ~ ".customer_tax_id",
        "service_period_start": "cast(" ~ alias ~ ".service_period_start as varchar)",
        "service_period_end": "cast(" ~ alias ~ ".service_period_end as varchar)",
        "billing_month": "cast(" ~ alias ~ ".billing_month as varchar)",
        "price_version": alias ~ ".price_version",
        "fingerprint": alias ~ ".fingerprint",
        "receivable_account": alias ~ ".receivable_account",
        "revenue_account": alias ~ ".revenue_account",
        "deferred_account": alias ~ ".deferred_account",
        "tax_account": alias ~ ".tax_account",
        "rounding_account": alias ~ ".rounding_account",
        "selling_entity": alias ~ ".selling_entity",
        "transfer_share": decimal_text(alias ~ ".transfer_share"),
        "account_dimensions": alias ~ ".account_dimensions",
        "gross_minor": alias ~ ".gross_minor",
        "discount_minor": alias ~ ".discount_minor",
        "landing_position": alias ~ ".landing_position",
        "covered_events": alias ~ ".covered_events",
    } -%}
    {%- do members.update(extra) -%}
    {{ json_object(members) }}
{%- endmacro %}

{% macro document_cause(cause) -%}
    {#- The cause of a document by those of its lines: what is regular names it first, then what weighs most. -#}
    case min(case {{ cause }} when 'threshold' then 0 when 'usage_and_fees' then 1 when 'rebill' then 2 when 're_keying' then 3 when 'price' then 4 when 'correction' then 5 when 'late_usage' then 6 else 7 end)
        when 0 then 'threshold'
        when 1 then 'usage_and_fees'
        when 2 then 'rebill'
        when 3 then 're_keying'
        when 4 then 'price'
        when 5 then 'correction'
        when 6 then 'late_usage'
        else min({{ cause }})
    end
{%- endmacro %}

{% macro outbox_heads() -%}
    {#- The position of the last document sealed under each key that a proposal subtracts from. -#}
    select
        subtracted_key,
        max(document_position) as register_head
    from {{ ref('stg_register_opening__documents') }}
    group by subtracted_key
{%- endmacro %}

{% macro customer_content(payload) -%}
    {#- What a change of master data is judged by: every attribute the destinations receive. -#}
    {%- set attributes = [] -%}
    {%- for attribute in ["name", "email", "country", "currency", "tax_id", "payment_term_days"] -%}
        {%- do attributes.append("coalesce(" ~ json_text(payload, attribute) ~ ", '-')") -%}
        {%- do attributes.append("'|'") -%}
    {%- endfor -%}
    {{ dbt.concat(attributes) }}
{%- endmacro %}
