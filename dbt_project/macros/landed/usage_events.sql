{% macro typed_usage_events(landed) -%}
    {#- Landed usage lines, typed, each with the first rule of the event contract that it violates by itself, whatever the catalogue says. -#}
    with

    typed as (
        select
            file_name,
            line_number,
            landed_on,
            parse_error,
            {{ blank_to_null('specversion') }} as specversion,
            {{ blank_to_null('id') }} as event_id,
            {{ blank_to_null('source') }} as event_source,
            {{ blank_to_null('type') }} as event_type,
            {{ blank_to_null('subject') }} as customer_id,
            {{ blank_to_null('time') }} as time_text,
            data
        from {{ landed }}
    ),

    measured as (
        select
            typed.*,
            {{ instant_of('typed.time_text') }} as occurred_at,
            {{ json_text('typed.data', 'meter') }} as meter,
            {{ json_text('typed.data', 'quantity') }} as quantity_text,
            case when event_type like '%.usage.retracted.v1' then {{ json_text('typed.data', 'source') }} end as retracts_source,
            case when event_type like '%.usage.retracted.v1' then {{ json_text('typed.data', 'id') }} end as retracts_id
        from typed
    ),

    quantified as (
        select
            measured.*,
            coalesce({{ matches('quantity_text', '^[0-9]{1,20}([.][0-9]{1,12})?$') }}, false) as is_plain_quantity,
            case
                -- What nearly every line looks like is told by one look.
                when {{ matches('quantity_text', '^[0-9]{1,20}([.][0-9]{1,12})?$') }} then cast(quantity_text as {{ quantity_type() }})
                else {{ safe_cast_to('quantity_text', quantity_type()) }}
            end as quantity
        from measured
    ),

    checked as (
        select
            quantified.*,
            case
                when parse_error is not null then 'malformed'
                when
                    specversion is null or event_id is null or event_source is null or event_type is null
                    or customer_id is null or time_text is null or data is null
                    then 'missing_attribute'
                when specversion <> '1.0' then 'unknown_specversion'
                when event_type not like '%.usage.recorded.v1' and event_type not like '%.usage.corrected.v1' and event_type not like '%.usage.retracted.v1'
                    then 'unknown_type'
                when occurred_at is null then 'invalid_time'
                when event_type like '%.usage.retracted.v1' and (retracts_source is null or retracts_id is null) then 'unnamed_event'
                when event_type not like '%.usage.retracted.v1' and not is_plain_quantity
                    then
                        case
                            when quantity_text is null then 'null_quantity'
                            when not {{ matches('quantity_text', '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$') }} then 'invalid_quantity'
                            when event_type like '%.usage.recorded.v1' and quantity_text like '-%' and coalesce(quantity, -1) < 0 then 'negative_quantity'
                            when
                                quantity is null or abs(quantity) >= 100000000000000000000
                                or not {{ matches('quantity_text', '^[+-]?[0-9]+([.][0-9]{1,12}0*)?$') }}
                                then 'quantity_out_of_range'
                        end
            end as content_violation
        from quantified
    ),

    final as (
        select
            file_name,
            line_number,
            landed_on,
            event_source,
            event_id,
            event_type,
            customer_id,
            occurred_at,
            meter,
            quantity,
            data,
            retracts_source,
            retracts_id,
            case
                when content_violation is not null then content_violation
                when
                    occurred_at >= cast(landed_on as timestamp) + interval '1 day' + interval '{{ var("clock_tolerance_minutes") }} minutes'
                    then 'clock_ahead'
                when occurred_at < cast(landed_on as timestamp) - interval '{{ var("dedupe_window_days") }} days' then 'beyond_window'
            end as contract_violation
        from checked
    )

    select * from final
{%- endmacro %}

{% macro event_content() -%}
    {#- Everything that an event says, as one text; the identity comes first. -#}
    {{ dbt.concat(["event_source", "'#'", "event_id", "'|'", "event_type", "'|'", "customer_id", "'|'", "cast(occurred_at as varchar)", "'|'", "data"]) }}
{%- endmacro %}

{% macro arrival_number(landing_position, line_number) -%}
    {#- A line's place in the order of arrival: files as they landed, then lines. -#}
    ({{ landing_position }} * 4294967296 + {{ line_number }})
{%- endmacro %}

{% macro place_number(landing_position, line_number) -%}
    {#- What a line adds to the fingerprint of a set of lines. Raw is append-only, so the place of a line stands for what it says. The square and
        the cube of its residue tell sets apart of which the sums are equal; sums are the same in any order, and add up over days. -#}
    {%- set residue = "(" ~ arrival_number(landing_position, line_number) ~ " % 2147483647)" -%}
    {%- set square = "(" ~ residue ~ " * " ~ residue ~ " % 2147483647)" -%}
    ({{ square }} + 2147483648 * ({{ square }} * {{ residue }} % 2147483647))
{%- endmacro %}
