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

{% macro in_functional_currency(signed_minor, exchange_rate, transaction_currency, functional) -%}
    {#- An amount of the transaction currency at the exchange rate. The rate is between minor units: 1 JPY is one minor unit, 1 USD is a hundred. -#}
    {{ apply_rate(
        signed_minor,
        "cast(" ~ exchange_rate ~ " as " ~ rate_type() ~ ") * cast(" ~ functional ~ ".minor_units as decimal(4, 0)) * cast("
        ~ transaction_currency ~ ".minor_unit_value as decimal(4, 3))"
    ) }}
{%- endmacro %}
