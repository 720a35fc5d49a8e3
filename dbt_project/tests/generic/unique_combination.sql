{% test unique_combination(model, columns, recent=none) %}
    {#- The stated grain: no two rows share these columns, and none of them is null. Where history is long, ``recent`` names a date column:
        only what can still change within the dedupe window is looked at, and K1 and K2 recount the rest at every close. -#}
    select
        {{ columns | join(', ') }},
        count(*) as row_count
    from {{ model }}
    {% if recent %}where {{ recently(recent) }}{% endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1 {% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
