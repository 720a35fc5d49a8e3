{#- Every operation in which engines differ, dispatched by adapter; default__ is what DuckDB and PostgreSQL share.
    Models never test the target themselves. -#}

{% macro wide_integer() %}{{ return(adapter.dispatch('wide_integer', 'tieout')()) }}{% endmacro %}
{% macro default__wide_integer() %}decimal(38, 0){% endmacro %}
{% macro duckdb__wide_integer() %}hugeint{% endmacro %}

{% macro safe_cast_to(expression, type) -%}
    {#- Text as a date, an integer or a decimal; null where it is none. What a value looks like is said here, for each engine reads more
        than that, and each something else: today, 1_000, 0x10, 1.5 as an integer. Of an instant its date as written is read. -#}
    {%- set day = '[0-9]{4}(-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2})([T ][0-9:.]+(Z|[+-][0-9:]+)?)?' -%}
    {%- set decimal = '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?' -%}
    {%- set shape = {'date': day, 'integer': '[+-]?[0-9]+', 'bigint': '[+-]?[0-9]+'}.get(type, decimal) -%}
    {%- set value = "split_part(replace(trim(" ~ expression ~ "), 'T', ' '), ' ', 1)" if type == 'date' else expression -%}
    case when {{ matches(expression, '^ *' ~ shape ~ ' *$') }} then {{ cast_or_null(value, type) }} end
{%- endmacro %}

{% macro cast_or_null(text, type) %}{{ return(adapter.dispatch('cast_or_null', 'tieout')(text, type)) }}{% endmacro %}
{% macro default__cast_or_null(text, type) %}try_cast({{ text }} as {{ type }}){% endmacro %}
{% macro postgres__cast_or_null(text, type) %}case when pg_input_is_valid({{ text }}, '{{ type }}') then cast({{ text }} as {{ type }}) end{% endmacro %}

{% macro trimmed(text) %}{{ return(adapter.dispatch('trimmed', 'tieout')(text)) }}{% endmacro %}
{#- Text without the spaces around it, those of Unicode included. -#}
{% macro default__trimmed(text) %}trim({{ text }}){% endmacro %}
{% macro postgres__trimmed(text) -%}
    btrim({{ text }}, U&' \00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\202F\205F\3000')
{%- endmacro %}

{% macro integer_quotient(numerator, denominator) %}{{ return(adapter.dispatch('integer_quotient', 'tieout')(numerator, denominator)) }}{% endmacro %}
{#- The whole part of a quotient of integers. -#}
{% macro spark__integer_quotient(numerator, denominator) %}(({{ numerator }}) div ({{ denominator }})){% endmacro %}
{% macro postgres__integer_quotient(numerator, denominator) %}div({{ numerator }}, {{ denominator }}){% endmacro %}
{% macro duckdb__integer_quotient(numerator, denominator) %}(({{ numerator }}) // ({{ denominator }})){% endmacro %}

{% macro local_date(instant, time_zone) %}{{ return(adapter.dispatch('local_date', 'tieout')(instant, time_zone)) }}{% endmacro %}
{% macro spark__local_date(instant, time_zone) %}cast(from_utc_timestamp({{ instant }}, {{ time_zone }}) as date){% endmacro %}
{% macro default__local_date(instant, time_zone) -%}
    case when {{ time_zone }} = 'UTC' then cast({{ instant }} as date) else cast(timezone({{ time_zone }}, timezone('UTC', {{ instant }})) as date) end
{%- endmacro %}

{% macro time_zone_names() %}{{ return(adapter.dispatch('time_zone_names', 'tieout')()) }}{% endmacro %}
{#- The relation with the names of the time zones that the engine knows. -#}
{% macro default__time_zone_names() %}pg_timezone_names{% endmacro %}
{% macro duckdb__time_zone_names() %}pg_timezone_names(){% endmacro %}

{% macro instant_of(text) -%}
    {#- RFC 3339 text to a UTC timestamp without zone, null where it is none; a time without an offset is no instant. -#}
    case
        when {{ matches(text, '^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?([Zz]|[+-](0[0-9]|1[0-5]):[0-5][0-9])$') }}
            then {{ instant_or_null(text) }}
    end
{%- endmacro %}

{% macro instant_or_null(text) %}{{ return(adapter.dispatch('instant_or_null', 'tieout')(text)) }}{% endmacro %}
{#- Digits beyond the microsecond are cut off. -#}
{% macro default__instant_or_null(text) -%}
    {#- A timestamp is read several times as fast as one with a time zone, and ignores an offset other than Z. -#}
    case when suffix({{ text }}, 'Z') then try_cast({{ text }} as timestamp) else timezone('UTC', try_cast(upper({{ text }}) as timestamptz)) end
{%- endmacro %}
{% macro postgres__instant_or_null(text) -%}
    timezone('UTC', {{ cast_or_null("regexp_replace(" ~ text ~ ", '([.][0-9]{6})[0-9]+', '\\1')", 'timestamptz') }})
{%- endmacro %}

{% macro matches(expression, pattern) %}{{ return(adapter.dispatch('matches', 'tieout')(expression, pattern)) }}{% endmacro %}
{% macro spark__matches(expression, pattern) %}({{ expression }} rlike '{{ pattern }}'){% endmacro %}
{% macro postgres__matches(expression, pattern) %}({{ expression }} ~ '{{ pattern }}'){% endmacro %}
{% macro duckdb__matches(expression, pattern) %}regexp_matches({{ expression }}, '{{ pattern }}'){% endmacro %}

{% macro month_start(expression) %}cast({{ dbt.date_trunc('month', 'cast(' ~ expression ~ ' as timestamp)') }} as date){% endmacro %}
{% macro add_months(expression, months) %}cast({{ dbt.dateadd('month', months, expression) }} as date){% endmacro %}
{% macro add_days(expression, days) %}cast({{ dbt.dateadd('day', days, expression) }} as date){% endmacro %}

{% macro days_between(earlier, later) %}{{ return(adapter.dispatch('days_between', 'tieout')(earlier, later)) }}{% endmacro %}
{% macro spark__days_between(earlier, later) %}datediff({{ later }}, {{ earlier }}){% endmacro %}
{% macro default__days_between(earlier, later) %}(cast({{ later }} as date) - cast({{ earlier }} as date)){% endmacro %}

{% macro period_of(day) %}{{ return(adapter.dispatch('period_of', 'tieout')(day)) }}{% endmacro %}
{#- The accounting period YYYY-MM of a date. -#}
{% macro spark__period_of(day) %}substr(cast({{ day }} as string), 1, 7){% endmacro %}
{% macro default__period_of(day) %}substr(cast({{ day }} as varchar), 1, 7){% endmacro %}

{% macro months_from(first_month, last_month) %}{{ return(adapter.dispatch('months_from', 'tieout')(first_month, last_month)) }}{% endmacro %}
{#- One row per month, first and last included. -#}
{% macro spark__months_from(first_month, last_month) %}explode(sequence({{ first_month }}, {{ last_month }}, interval 1 month)){% endmacro %}
{% macro duckdb__months_from(first_month, last_month) %}cast(unnest(generate_series({{ first_month }}, {{ last_month }}, interval 1 month)) as date){% endmacro %}
{% macro postgres__months_from(first_month, last_month) -%}
    cast(generate_series(cast({{ first_month }} as timestamp), cast({{ last_month }} as timestamp), interval '1 month') as date)
{%- endmacro %}

{% macro whole_numbers_from(first, last) %}{{ return(adapter.dispatch('whole_numbers_from', 'tieout')(first, last)) }}{% endmacro %}
{#- A set-returning expression: one row per whole number, both ends included. -#}
{% macro spark__whole_numbers_from(first, last) %}explode(sequence({{ first }}, {{ last }})){% endmacro %}
{% macro duckdb__whole_numbers_from(first, last) %}unnest(generate_series({{ first }}, {{ last }})){% endmacro %}
{% macro postgres__whole_numbers_from(first, last) %}generate_series(cast({{ first }} as integer), cast({{ last }} as integer)){% endmacro %}

{% macro month_number(day) %}(cast(extract(year from {{ day }}) as integer) * 12 + cast(extract(month from {{ day }}) as integer)){% endmacro %}

{% macro json_text(document, member) %}{{ return(adapter.dispatch('json_text', 'tieout')(document, member)) }}{% endmacro %}
{% macro spark__json_text(document, member) %}get_json_object({{ document }}, '$.{{ member }}'){% endmacro %}
{% macro duckdb__json_text(document, member) %}json_extract_string({{ document }}, '$.{{ member }}'){% endmacro %}
{% macro postgres__json_text(document, member) %}(cast({{ document }} as json) ->> '{{ member }}'){% endmacro %}

{% macro json_object(members) %}{{ return(adapter.dispatch('json_object', 'tieout')(members)) }}{% endmacro %}
{#- members: name -> SQL expression. Amounts in minor units stay JSON integers; decimals must be text already. -#}
{% macro spark__json_object(members) -%}
    to_json(named_struct({% for name, expression in members.items() %}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}
{% macro duckdb__json_object(members) -%}
    json_object({% for name, expression in members.items() %}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
{% macro postgres__json_object(members) -%}
    {#- Of PostgreSQL's constructors only those of whole rows and arrays write no spaces. -#}
    (select row_to_json(members) from (select {% for name, expression in members.items() %}{{ expression }} as "{{ name }}"{{ ', ' if not loop.last }}{% endfor %}) as members)
{%- endmacro %}

{% macro json_array_of(element, order_by) %}{{ return(adapter.dispatch('json_array_of', 'tieout')(element, order_by)) }}{% endmacro %}
{% macro duckdb__json_array_of(element, order_by) %}to_json(list({{ element }} order by {{ order_by }})){% endmacro %}
{% macro postgres__json_array_of(element, order_by) %}array_to_json(array_agg({{ element }} order by {{ order_by }})){% endmacro %}

{% macro empty_json_array() %}cast('[]' as json){% endmacro %}

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
{% macro postgres__members_text(document, names) -%}
    (
        select
            string_agg(
                trim(listed.name) || '=' || replace(coalesce(cast({{ document }} as json) ->> trim(listed.name), ''), ';', '%3B'),
                ';' order by listed.place
            )
        from unnest(string_to_array({{ names }}, ',')) with ordinality as listed (name, place)
    )
{%- endmacro %}

{% macro member_text(document, name) %}{{ return(adapter.dispatch('member_text', 'tieout')(document, name)) }}{% endmacro %}
{#- One member of a JSON object as text, its name being a value. -#}
{% macro duckdb__member_text(document, name) %}json_extract_string({{ document }}, '$."' || {{ name }} || '"'){% endmacro %}
{% macro postgres__member_text(document, name) %}(cast({{ document }} as json) ->> {{ name }}){% endmacro %}

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
{% macro postgres__chosen_members(members, names) -%}
    (
        select string_agg(listed.member, ';' order by listed.place)
        from unnest(string_to_array({{ members }}, ';')) with ordinality as listed (member, place)
        where split_part(listed.member, '=', 1) in (select trim(chosen.name) from unnest(string_to_array({{ names }}, ',')) as chosen (name))
    )
{%- endmacro %}

{% macro value_at_latest(value, instant, tie_breaker, condition='true') %}{{ return(adapter.dispatch('value_at_latest', 'tieout')(value, instant, tie_breaker, condition)) }}{% endmacro %}
{#- Of the rows that meet the condition the value of the one with the greatest instant, and of those at the same instant the one with the
    greatest tie breaker. -#}
{% macro spark__value_at_latest(value, instant, tie_breaker, condition) %}max_by({{ value }}, struct({{ instant }}, {{ tie_breaker }})) filter (where {{ condition }}){% endmacro %}
{% macro duckdb__value_at_latest(value, instant, tie_breaker, condition) -%}
    arg_max({{ value }}, struct_pack(instant := {{ instant }}, tie_breaker := {{ tie_breaker }})) filter (where {{ condition }})
{%- endmacro %}
{% macro postgres__value_at_latest(value, instant, tie_breaker, condition) -%}
    (array_agg({{ value }} order by {{ instant }} desc, {{ tie_breaker }} desc) filter (where {{ condition }}))[1]
{%- endmacro %}

{% macro microseconds_between(earlier, later) %}{{ return(adapter.dispatch('microseconds_between', 'tieout')(earlier, later)) }}{% endmacro %}
{% macro duckdb__microseconds_between(earlier, later) %}(epoch_us({{ later }}) - epoch_us({{ earlier }})){% endmacro %}
{% macro postgres__microseconds_between(earlier, later) %}cast(extract(epoch from {{ later }} - {{ earlier }}) * 1000000 as bigint){% endmacro %}

{% macro epoch_seconds(instant) -%}
    {#- A UTC timestamp as whole seconds since 1970, its fraction cut off. -#}
    cast({{ integer_quotient(microseconds_between("cast('1970-01-01 00:00:00' as timestamp)", instant), '1000000') }} as bigint)
{%- endmacro %}

{% macro instant_at_midnight(day, time_zone) %}{{ return(adapter.dispatch('instant_at_midnight', 'tieout')(day, time_zone)) }}{% endmacro %}
{#- The UTC timestamp at which a day begins in a time zone. -#}
{% macro default__instant_at_midnight(day, time_zone) %}timezone('UTC', timezone({{ time_zone }}, cast({{ day }} as timestamp))){% endmacro %}

{% macro digest(expression) %}{{ return(adapter.dispatch('digest', 'tieout')(expression)) }}{% endmacro %}
{% macro default__digest(expression) %}md5({{ expression }}){% endmacro %}

{% macro secure_digest(expression) %}{{ return(adapter.dispatch('secure_digest', 'tieout')(expression)) }}{% endmacro %}
{#- A hash that a person's approval can be bound to. -#}
{% macro spark__secure_digest(expression) %}sha2({{ expression }}, 256){% endmacro %}
{% macro duckdb__secure_digest(expression) %}sha256({{ expression }}){% endmacro %}
{% macro postgres__secure_digest(expression) %}encode(sha256(convert_to({{ expression }}, 'UTF8')), 'hex'){% endmacro %}

{% macro identity_hash(source, id) %}{{ return(adapter.dispatch('identity_hash', 'tieout')(source, id)) }}{% endmacro %}
{#- A fast hash that finds identities which may be the same; whether they are is asked of the identities. Never stored. -#}
{% macro duckdb__identity_hash(source, id) %}hash({{ source }}, {{ id }}){% endmacro %}
{% macro postgres__identity_hash(source, id) %}hashtextextended({{ source }} || '#' || {{ id }}, 0){% endmacro %}

{% macro decimal_text(expression) %}{{ return(adapter.dispatch('decimal_text', 'tieout')(expression)) }}{% endmacro %}
{#- A decimal as plain text without trailing zeros, the same on every engine. -#}
{% macro spark__decimal_text(expression) -%}
    trim(trailing '.' from trim(trailing '0' from cast({{ expression }} as string)))
{%- endmacro %}
{% macro duckdb__decimal_text(expression) -%}
    rtrim(rtrim(cast({{ expression }} as varchar), '0'), '.')
{%- endmacro %}
{% macro postgres__decimal_text(expression) %}cast(trim_scale({{ expression }}) as varchar){% endmacro %}

{% macro parameter(name) %}{{ return(adapter.dispatch('parameter', 'tieout')(name)) }}{% endmacro %}
{#- What a ready query is given when it runs: bound by the engine, never part of the text. -#}
{% macro duckdb__parameter(name) %}${{ name }}{% endmacro %}
{% macro postgres__parameter(name) %}%({{ name }})s{% endmacro %}
