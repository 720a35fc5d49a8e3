{{ config(materialized='view') }}

with

landed as (
    select * from {{ source('raw_usage', 'usage_events') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

typed as (
    select
        file_name,
        line_number,
        landed_on,
        loaded_at,
        parse_error,
        {{ blank_to_null('specversion') }} as specversion,
        {{ blank_to_null('id') }} as event_id,
        {{ blank_to_null('source') }} as event_source,
        {{ blank_to_null('type') }} as event_type,
        {{ blank_to_null('subject') }} as customer_id,
        {{ blank_to_null('time') }} as time_text,
        {{ blank_to_null('data') }} as data
    from landed
),

measured as (
    select
        typed.*,
        {{ instant_of('typed.time_text') }} as occurred_at,
        {{ json_text('typed.data', 'meter') }} as meter,
        {{ json_text('typed.data', 'quantity') }} as quantity_text
    from typed
),

-- What else of an event its meter reads: dimensions, the value that is counted once, the amount that it brings along.
cast_quantity as (
    select
        measured.*,
        {{ safe_cast_to('measured.quantity_text', quantity_type()) }} as quantity,
        coalesce({{ members_text('measured.data', 'meters.dimensions') }}, '') as dimensions,
        {{ member_text('measured.data', 'meters.counted_attribute') }} as counted_value,
        {{ safe_cast_to(member_text('measured.data', 'meters.amount_attribute'), quantity_type()) }} as supplied_minor,
        meters.amount_attribute is not null as must_supply_amount,
        coalesce(meters.largest_quantity, {{ var("largest_quantity") }}) as largest_quantity
    from measured
    left join meters on measured.meter = meters.meter
),

checked as (
    select
        cast_quantity.*,
        case
            when parse_error is not null then 'malformed'
            when
                specversion is null or event_id is null or event_source is null or event_type is null
                or customer_id is null or time_text is null or data is null
                then 'missing_attribute'
            when specversion <> '1.0' then 'unknown_specversion'
            when not {{ matches('event_type', '[.]usage[.](recorded|corrected)[.]v1$') }} then 'unknown_type'
            when occurred_at is null then 'invalid_time'
            when quantity_text is null then 'null_quantity'
            when not {{ matches('quantity_text', '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$') }} then 'invalid_quantity'
            when {{ matches('event_type', '[.]recorded[.]v1$') }} and {{ matches('quantity_text', '^-') }} and coalesce(quantity, -1) < 0
                then 'negative_quantity'
            when
                quantity is null or abs(quantity) >= least(largest_quantity, 100000000000000000000)
                or not {{ matches('quantity_text', '^[+-]?[0-9]+([.][0-9]{1,12}0*)?$') }}
                then 'quantity_out_of_range'
            when must_supply_amount and supplied_minor is null then 'missing_amount'
            when
                occurred_at >= cast(landed_on as timestamp) + interval '1 day' + interval '{{ var("clock_tolerance_minutes") }} minutes'
                then 'clock_ahead'
            when occurred_at < cast(landed_on as timestamp) - interval '{{ var("dedupe_window_days") }} days' then 'beyond_window'
        end as contract_violation
    from cast_quantity
),

final as (
    select
        file_name,
        line_number,
        landed_on,
        loaded_at,
        event_source,
        event_id,
        event_type,
        customer_id,
        occurred_at,
        meter,
        quantity,
        dimensions,
        counted_value,
        supplied_minor,
        contract_violation,
        case
            when contract_violation is null
                then {{ digest(dbt.concat(["event_type", "'|'", "customer_id", "'|'", "cast(occurred_at as varchar)", "'|'", "data"])) }}
        end as content_hash
    from checked
)

select * from final
