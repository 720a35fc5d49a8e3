{% macro register_openings(documents) -%}
{#- What was opened at cutover, as it was sealed; one row per opening document, with the key of a billed line as it is now. -#}
with

documents as (
    select * from {{ documents }}
    where
        document_type = 'opening'
        and state <> 'cancelled'
),

opened as (
    select
        document_position,
        business_key,
        natural_id,
        entity,
        period,
        document_date,
        posting_date,
        currency,
        total_minor as amount_minor,
        {%- for member in [
            'opening', 'customer_id', 'number', 'functional_currency', 'exchange_rate', 'account', 'equity_account', 'rounding_account',
            'revenue_account', 'product', 'subscription_id', 'charge_id', 'line_key', 'grant_id'
        ] %}
        {{ json_text('payload', member) }} as {{ member }},
        {%- endfor %}
        cast({{ json_text('payload', 'signed_minor') }} as bigint) as signed_minor,
        cast({{ json_text('payload', 'signed_functional_minor') }} as bigint) as signed_functional_minor,
        cast({{ json_text('payload', 'due_date') }} as date) as due_date,
        cast({{ json_text('payload', 'service_period_start') }} as date) as service_period_start,
        cast({{ json_text('payload', 'service_period_end') }} as date) as service_period_end
    from documents
),

final as (
    select
        opened.document_position,
        opened.business_key,
        opened.natural_id,
        opened.entity,
        opened.period,
        opened.document_date,
        opened.posting_date,
        opened.opening,
        opened.customer_id,
        opened.number,
        opened.currency,
        opened.functional_currency,
        opened.exchange_rate,
        opened.due_date,
        opened.amount_minor,
        opened.signed_minor,
        opened.signed_functional_minor,
        opened.account,
        opened.equity_account,
        opened.rounding_account,
        opened.revenue_account,
        opened.product,
        opened.grant_id,
        opened.subscription_id,
        opened.charge_id,
        {{ stable_line_key('opened.line_key', 'opened.subscription_id', 'opened.charge_id') }} as line_key,
        opened.service_period_start,
        opened.service_period_end
    from opened
    {{ stable_keys_of_issued_lines('opened.line_key', 'opened.subscription_id', 'opened.charge_id') }}
)

select * from final
{%- endmacro %}
