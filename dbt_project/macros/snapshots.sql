{#- Snapshot entries: computed once, at the close of a period, from what is known then, and taken back on the first day of the next. -#}

{% macro snapshot_events() -%}
    {#- The event of a snapshot entry -> the event of its reversal. -#}
    {{ return({
        'unbilled_receivables_accrued': 'unbilled_receivables_reversed',
        'receivables_revalued': 'revaluation_reversed',
    }) }}
{%- endmacro %}

{% macro snapshot_event_list() -%}
    {% for event in snapshot_events() %}'{{ event }}'{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro snapshot_reversal_event_list() -%}
    {% for reversal in snapshot_events().values() %}'{{ reversal }}'{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro snapshot_reversal_of(natural_id) -%}
    {#- What identifies the entry that takes a snapshot entry back. -#}
    {{ dbt.concat([natural_id, "':reversal'"]) }}
{%- endmacro %}

{% macro first_day_after_month_of(day) -%}
    {{ add_months(month_start(day), 1) }}
{%- endmacro %}

{% macro snapshot_reversal_event(event) -%}
    case {{ event }}
        {% for original, reversal in snapshot_events().items() %}when '{{ original }}' then '{{ reversal }}'
        {% endfor -%}
    end
{%- endmacro %}
