{% macro summarised_events() -%}
    {#- What follows from issued documents, their schedules and their payments. What a person decided, and what is reversed, stays a document of its own. -#}
    (
        'invoice_issued', 'credit_memo_issued', 'invoice_voided', 'credit_memo_voided', 'revenue_recognised', 'payment_received', 'refund_issued'
    )
{%- endmacro %}
