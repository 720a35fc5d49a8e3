{#- Every operation in which engines differ, dispatched by adapter. Models never test the target themselves. -#}

{% macro wide_integer() %}{{ return(adapter.dispatch('wide_integer', 'tieout')()) }}{% endmacro %}
{% macro default__wide_integer() %}decimal(38, 0){% endmacro %}
{% macro duckdb__wide_integer() %}hugeint{% endmacro %}

{% macro safe_cast_to(expression, type) %}{{ return(adapter.dispatch('safe_cast_to', 'tieout')(expression, type)) }}{% endmacro %}
{% macro default__safe_cast_to(expression, type) %}try_cast({{ expression }} as {{ type }}){% endmacro %}

{% macro integer_quotient(numerator, denominator) %}{{ return(adapter.dispatch('integer_quotient', 'tieout')(numerator, denominator)) }}{% endmacro %}
{% macro default__integer_quotient(numerator, denominator) %}(({{ numerator }}) div ({{ denominator }})){% endmacro %}
{% macro duckdb__integer_quotient(numerator, denominator) %}(({{ numerator }}) // ({{ denominator }})){% endmacro %}

{% macro local_date(instant, time_zone) %}{{ return(adapter.dispatch('local_date', 'tieout')(instant, time_zone)) }}{% endmacro %}
{% macro default__local_date(instant, time_zone) %}cast(from_utc_timestamp({{ instant }}, {{ time_zone }}) as date){% endmacro %}
{% macro duckdb__local_date(instant, time_zone) %}cast(timezone({{ time_zone }}, timezone('UTC', {{ instant }})) as date){% endmacro %}

{% macro instant_of(text) %}{{ return(adapter.dispatch('instant_of', 'tieout')(text)) }}{% endmacro %}
{#- RFC 3339 text to a UTC timestamp without zone, null where it is none; a time without an offset is no instant. -#}
{% macro duckdb__instant_of(text) -%}
    case
        when regexp_matches({{ text }}, '^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$')
            then timezone('UTC', try_cast({{ text }} as timestamptz))
    end
{%- endmacro %}

{% macro matches(expression, pattern) %}{{ return(adapter.dispatch('matches', 'tieout')(expression, pattern)) }}{% endmacro %}
{% macro default__matches(expression, pattern) %}({{ expression }} rlike '{{ pattern }}'){% endmacro %}
{% macro duckdb__matches(expression, pattern) %}regexp_matches({{ expression }}, '{{ pattern }}'){% endmacro %}

{% macro month_start(expression) %}cast({{ dbt.date_trunc('month', expression) }} as date){% endmacro %}
{% macro add_months(expression, months) %}cast({{ dbt.dateadd('month', months, expression) }} as date){% endmacro %}
{% macro add_days(expression, days) %}cast({{ dbt.dateadd('day', days, expression) }} as date){% endmacro %}

{% macro days_between(earlier, later) %}{{ return(adapter.dispatch('days_between', 'tieout')(earlier, later)) }}{% endmacro %}
{% macro default__days_between(earlier, later) %}datediff({{ later }}, {{ earlier }}){% endmacro %}
{% macro duckdb__days_between(earlier, later) %}(cast({{ later }} as date) - cast({{ earlier }} as date)){% endmacro %}

{% macro period_of(day) %}{{ return(adapter.dispatch('period_of', 'tieout')(day)) }}{% endmacro %}
{#- The accounting period YYYY-MM of a date. -#}
{% macro default__period_of(day) %}substr(cast({{ day }} as string), 1, 7){% endmacro %}
{% macro duckdb__period_of(day) %}substr(cast({{ day }} as varchar), 1, 7){% endmacro %}

{% macro months_from(first_month, last_month) %}{{ return(adapter.dispatch('months_from', 'tieout')(first_month, last_month)) }}{% endmacro %}
{#- One row per month, first and last included. -#}
{% macro default__months_from(first_month, last_month) %}explode(sequence({{ first_month }}, {{ last_month }}, interval 1 month)){% endmacro %}
{% macro duckdb__months_from(first_month, last_month) %}cast(unnest(generate_series({{ first_month }}, {{ last_month }}, interval 1 month)) as date){% endmacro %}

{% macro whole_numbers_from(first, last) %}{{ return(adapter.dispatch('whole_numbers_from', 'tieout')(first, last)) }}{% endmacro %}
{#- A set-returning expression: one row per whole number, both ends included. -#}
{% macro default__whole_numbers_from(first, last) %}explode(sequence({{ first }}, {{ last }})){% endmacro %}
{% macro duckdb__whole_numbers_from(first, last) %}unnest(generate_series({{ first }}, {{ last }})){% endmacro %}

{% macro month_number(day) %}(cast(extract(year from {{ day }}) as integer) * 12 + cast(extract(month from {{ day }}) as integer)){% endmacro %}

{% macro json_text(document, member) %}{{ return(adapter.dispatch('json_text', 'tieout')(document, member)) }}{% endmacro %}
{% macro default__json_text(document, member) %}get_json_object({{ document }}, '$.{{ member }}'){% endmacro %}
{% macro duckdb__json_text(document, member) %}json_extract_string({{ document }}, '$.{{ member }}'){% endmacro %}

{% macro json_record(document, members, lines) %}{{ return(adapter.dispatch('json_record', 'tieout')(document, members, lines)) }}{% endmacro %}
{#- A JSON document read once, as a record: these members as text, and its lines as a list of records of text. -#}
{% macro default__json_record(document, members, lines) -%}
    from_json({{ document }}, '{% for member in members %}{{ member }} string, {% endfor %}lines array<struct<{{ lines | join(": string, ") }}: string>>')
{%- endmacro %}
{% macro duckdb__json_record(document, members, lines) -%}
    from_json({{ document }}, '{ {%- for member in members %}"{{ member }}": "VARCHAR", {% endfor %}"lines": [{"{{ lines | join('": "VARCHAR", "') }}": "VARCHAR"}]}')
{%- endmacro %}

{% macro elements(list) %}{{ return(adapter.dispatch('elements', 'tieout')(list)) }}{% endmacro %}
{#- One row per element of a list. -#}
{% macro default__elements(list) %}explode({{ list }}){% endmacro %}
{% macro duckdb__elements(list) %}unnest({{ list }}){% endmacro %}

{% macro json_object(members) %}{{ return(adapter.dispatch('json_object', 'tieout')(members)) }}{% endmacro %}
{#- members: name -> SQL expression. Amounts in minor units stay JSON integers; decimals must be text already. -#}
{% macro default__json_object(members) -%}
    to_json(named_struct({% for name, expression in members.items() %}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}
{% macro duckdb__json_object(members) -%}
    json_object({% for name, expression in members.items() %}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro json_array_of(element, order_by) %}{{ return(adapter.dispatch('json_array_of', 'tieout')(element, order_by)) }}{% endmacro %}
{% macro duckdb__json_array_of(element, order_by) %}to_json(list({{ element }} order by {{ order_by }})){% endmacro %}

{% macro ordered_text(expression, order_by, separator=',') %}{{ return(adapter.dispatch('ordered_text', 'tieout')(expression, order_by, separator)) }}{% endmacro %}
{% macro default__ordered_text(expression, order_by, separator) %}string_agg({{ expression }}, '{{ separator }}' order by {{ order_by }}){% endmacro %}

{% macro members_text(document, names) %}{{ return(adapter.dispatch('members_text', 'tieout')(document, names)) }}{% endmacro %}
{#- The members of a JSON object that a comma-separated list names, as name=value;name=value in the order of the list; null without a list. -#}
{% macro duckdb__members_text(document, names) -%}
    array_to_string(
        list_transform(
            string_split({{ names }}, ','),
            lambda name: trim(name) || '=' || replace(coalesce(json_extract_string({{ document }}, '$."' || trim(name) || '"'), ''), ';', '%3B')
        ),
        ';'
    )
{%- endmacro %}

{% macro member_text(document, name) %}{{ return(adapter.dispatch('member_text', 'tieout')(document, name)) }}{% endmacro %}
{#- One member of a JSON object as text, its name being a value. -#}
{% macro duckdb__member_text(document, name) %}json_extract_string({{ document }}, '$."' || {{ name }} || '"'){% endmacro %}

{% macro chosen_members(members, names) %}{{ return(adapter.dispatch('chosen_members', 'tieout')(members, names)) }}{% endmacro %}
{#- Of members_text, those that a comma-separated list names. -#}
{% macro duckdb__chosen_members(members, names) -%}
    array_to_string(
        list_filter(
            string_split({{ members }}, ';'),
            lambda member: list_contains(list_transform(string_split({{ names }}, ','), lambda name: trim(name)), split_part(member, '=', 1))
        ),
        ';'
    )
{%- endmacro %}

{% macro value_at_latest(value, instant) %}{{ return(adapter.dispatch('value_at_latest', 'tieout')(value, instant)) }}{% endmacro %}
{#- The value of the row with the greatest instant. -#}
{% macro default__value_at_latest(value, instant) %}max_by({{ value }}, {{ instant }}){% endmacro %}

{% macro microseconds_between(earlier, later) %}{{ return(adapter.dispatch('microseconds_between', 'tieout')(earlier, later)) }}{% endmacro %}
{% macro duckdb__microseconds_between(earlier, later) %}(epoch_us({{ later }}) - epoch_us({{ earlier }})){% endmacro %}

{% macro instant_at_midnight(day, time_zone) %}{{ return(adapter.dispatch('instant_at_midnight', 'tieout')(day, time_zone)) }}{% endmacro %}
{#- The UTC timestamp at which a day begins in a time zone. -#}
{% macro duckdb__instant_at_midnight(day, time_zone) %}timezone('UTC', timezone({{ time_zone }}, cast({{ day }} as timestamp))){% endmacro %}

{% macro digest(expression) %}{{ return(adapter.dispatch('digest', 'tieout')(expression)) }}{% endmacro %}
{% macro default__digest(expression) %}md5({{ expression }}){% endmacro %}

{% macro decimal_text(expression) %}{{ return(adapter.dispatch('decimal_text', 'tieout')(expression)) }}{% endmacro %}
{#- A decimal as plain text without trailing zeros, the same on every engine. -#}
{% macro default__decimal_text(expression) -%}
    trim(trailing '.' from trim(trailing '0' from cast({{ expression }} as string)))
{%- endmacro %}
{% macro duckdb__decimal_text(expression) -%}
    rtrim(rtrim(cast({{ expression }} as varchar), '0'), '.')
{%- endmacro %}
