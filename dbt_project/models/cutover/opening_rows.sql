{#- What every kind of opening says in one shape; what a kind does not have is null of its type. Debit positive. -#}
{%- set nothing = {
    "customer_id": "cast(null as varchar)",
    "number": "cast(null as varchar)",
    "product": "'*'",
    "posting_role": "cast(null as varchar)",
    "stated_account": "cast(null as varchar)",
    "exchange_rate": "exchange_rate",
    "document_date": "opening_date",
    "due_date": "cast(null as date)",
    "amount_minor": "amount_minor",
    "signed_minor": "amount_minor",
    "signed_functional_minor": "functional_minor",
    "grant_id": "cast(null as varchar)",
    "subscription_id": "cast(null as varchar)",
    "charge_id": "cast(null as varchar)",
    "line_key": "cast(null as varchar)",
    "quantity": "cast(null as varchar)",
    "service_period_start": "cast(null as date)",
    "service_period_end": "cast(null as date)",
} -%}
{%- set served = {"service_period_start": "service_period_start", "service_period_end": "service_period_end"} -%}
{%- set kinds = {
    "open_item": ("open_items", "number", {
        "customer_id": "customer_id", "number": "number", "posting_role": "'receivable'", "document_date": "document_date", "due_date": "due_date"
    }),
    "deferred_revenue": ("deferred_revenue", "deferral_id", dict(
        served, customer_id="customer_id", number="deferral_id", product="product", posting_role="'deferred_revenue'",
        signed_minor="-amount_minor", signed_functional_minor="-functional_minor"
    )),
    "prepaid_credit": ("opening_grants", "grant_id", {
        "customer_id": "customer_id", "number": "grant_id", "product": "product", "posting_role": "'contract_liability'", "amount_minor": "granted_minor",
        "signed_minor": "-granted_minor", "signed_functional_minor": "-functional_minor", "grant_id": "grant_id"
    }),
    "billed_line": ("billed_lines", "line_key", dict(
        served, customer_id="customer_id", product="coalesce(product, '*')", exchange_rate="cast(1 as " ~ rate_type() ~ ")", signed_minor="0",
        signed_functional_minor="0", subscription_id="subscription_id", charge_id="charge_id", line_key="line_key", quantity="quantity"
    )),
    "balance": ("balances", "account_code || ':' || currency", {"number": "account_code", "stated_account": "account_code"}),
} -%}
with

open_items as (
    select * from {{ ref('stg_cutover__open_items') }}
    where
        violation is null
        and amount_minor <> 0
),

deferred_revenue as (
    select * from {{ ref('stg_cutover__deferred_revenue') }}
    where
        violation is null
        and amount_minor <> 0
),

billed_lines as (
    select * from {{ ref('stg_cutover__billed_lines') }}
    where
        violation is null
        and amount_minor <> 0
),

balances as (
    select * from {{ ref('stg_cutover__balances') }}
    where
        violation is null
        and amount_minor <> 0
),

opening_grants as (
    select * from {{ ref('opening_grants') }}
),

final as (
    {% for opening, (relation, key, stated) in kinds.items() %}
        select
            entity,
            '{{ opening }}' as opening,
            '{{ opening }}:' || {{ key }} as natural_id,
            {% for column, absent in nothing.items() %}
                {%- set expression = stated.get(column, absent) %}
                {{ "cast(" ~ expression ~ " as bigint)" if column.endswith('_minor') else expression }} as {{ column }},
            {% endfor %}
            currency,
            currency_exponent,
            functional_currency,
            opening_date,
            file_name,
            line_number
        from {{ relation }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
