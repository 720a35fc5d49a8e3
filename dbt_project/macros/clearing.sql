{#- Clearing accounts: what stands there is a list of dated items that wait to be cleared. -#}

{% macro clearing_roles() -%}
    {#- A role -> the relation of its open items at the end of each period, their date and their key, and the sub-ledger that rolls them forward,
        where one does. -#}
    {{ return({
        'cash': ('cash_clearing_items', 'dated_on', 'source_document', 'cash_clearing'),
        'unbilled_receivable': ('unbilled_items', 'service_period_end', 'line_key', 'unbilled_receivables'),
        'intercompany': ('intercompany_items', 'dated_on', 'natural_id', none),
    }) }}
{%- endmacro %}
