{%- set lines = source('raw_usage', 'usage_events') -%}
{%- set touched = touched_rows('usage_arrivals') -%}

{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

repetitions as (
    select * from {{ ref('usage_repetitions') }}
    where {{ touched }}
),

events as (
    {{ typed_usage_events('(select * from ' ~ lines ~ ' where ' ~ touched ~ ') as touched_lines') }}
),

resolved as (
    select
        events.*,
        landed_files.landing_position,
        customers.time_zone,
        coalesce({{ members_text('events.data', 'meters.dimensions') }}, '') as dimensions,
        {{ member_text('events.data', 'meters.counted_attribute') }} as counted_value,
        {{ safe_cast_to(member_text('events.data', 'meters.amount_attribute'), quantity_type()) }} as supplied_minor,
        meters.amount_attribute is not null as must_supply_amount,
        coalesce(meters.largest_quantity, {{ var("largest_quantity") }}) as largest_quantity,
        customers.customer_id is not null as is_known_customer,
        meters.meter is not null as is_known_meter,
        events.event_type like '%.usage.retracted.v1' as is_retraction
    from events
    inner join landed_files on events.file_name = landed_files.file_name
    left join customers on events.customer_id = customers.customer_id
    left join meters on events.meter = meters.meter
),

judged as (
    select
        resolved.*,
        repetitions.finding,
        case
            when resolved.contract_violation is not null then resolved.contract_violation
            when not resolved.is_known_customer then 'unknown_customer'
            when not resolved.is_known_meter and not resolved.is_retraction then 'unknown_meter'
            when abs(resolved.quantity) >= resolved.largest_quantity and not resolved.is_retraction then 'quantity_out_of_range'
            when resolved.must_supply_amount and resolved.supplied_minor is null and not resolved.is_retraction then 'missing_amount'
            when repetitions.finding = 'conflict' then 'conflicting_content'
        end as reason
    from resolved
    left join repetitions
        on
            resolved.landing_position = repetitions.landing_position
            and resolved.line_number = repetitions.line_number
),

final as (
    select
        file_name,
        line_number,
        landing_position,
        landed_on,
        event_source,
        event_id,
        event_type,
        customer_id,
        meter,
        quantity,
        dimensions,
        counted_value,
        supplied_minor,
        occurred_at,
        case when is_known_customer and contract_violation is null then {{ local_date('occurred_at', 'time_zone') }} end as occurred_on,
        retracts_source,
        retracts_id,
        case
            when reason is not null then 'quarantined'
            when finding = 'duplicate' then 'duplicate'
            when is_retraction then 'retraction'
            else 'kept'
        end as disposition,
        reason
    from judged
)

select * from final
