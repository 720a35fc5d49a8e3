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

touched_lines as (
    select * from {{ source('raw_usage', 'usage_events') }}
    where {{ touched_rows('usage_arrivals') }}
),

lines_within_reach as (
    select * from {{ source('raw_usage', 'usage_events') }}
    where {{ within_reach_of_touched_days() }}
),

events as (
    {{ typed_usage_events('touched_lines') }}
),

-- Nearly every identity comes once. Those that may have come more often are found by a hash, and only their lines are compared.
identity_counts as (
    select
        {{ identity_hash('source', 'id') }} as identity_hash,
        count(*) as line_count
    from touched_lines
    group by {{ identity_hash('source', 'id') }}
),

repeated_identities as (
    select identity_counts.identity_hash
    from identity_counts
    where identity_counts.line_count > 1
    union
    select identity_counts.identity_hash
    from lines_within_reach
    inner join identity_counts on {{ identity_hash('lines_within_reach.source', 'lines_within_reach.id') }} = identity_counts.identity_hash
    where not {{ touched_rows('usage_arrivals') }}
),

repeated_lines as (
    select * from lines_within_reach
    where {{ identity_hash('source', 'id') }} in (select repeated_identities.identity_hash from repeated_identities)
),

repeated_events as (
    {{ typed_usage_events('repeated_lines') }}
),

-- Compared are events that keep the contract by themselves, so that no change of the catalogue changes what another event is.
comparable as (
    select
        repeated_events.event_source,
        repeated_events.event_id,
        repeated_events.landed_on,
        landed_files.landing_position,
        repeated_events.line_number,
        {{ days_between("cast('1970-01-01' as date)", 'repeated_events.landed_on') }} as landing_day,
        {{ arrival_number('landed_files.landing_position', 'repeated_events.line_number') }} as arrival,
        {{ event_content() }} as content
    from repeated_events
    inner join landed_files on repeated_events.file_name = landed_files.file_name
    where repeated_events.contract_violation is null
),

-- What arrived first within the window stays what it is. When a landing day disagrees with itself, nobody can say which content is true.
ranked as (
    select
        comparable.*,
        min(arrival) over (
            partition by event_source, event_id
            order by landing_day asc
            range between {{ var('dedupe_window_days') | int + 1 }} preceding and {{ var('dedupe_window_days') | int + 1 }} following
        ) as first_arrival,
        min(content) over (partition by event_source, event_id, landed_on) as least_content,
        max(content) over (partition by event_source, event_id, landed_on) as greatest_content
    from comparable
),

compared as (
    select
        ranked.landing_position,
        ranked.line_number,
        case
            when first_events.landed_on <> ranked.landed_on and first_events.content <> ranked.content then 'conflict'
            when first_events.landed_on <> ranked.landed_on then 'duplicate'
            when ranked.least_content <> ranked.greatest_content then 'conflict'
            when ranked.arrival <> ranked.first_arrival then 'duplicate'
        end as finding
    from ranked
    inner join comparable as first_events on ranked.first_arrival = first_events.arrival
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
        compared.finding,
        case
            when resolved.contract_violation is not null then resolved.contract_violation
            when not resolved.is_known_customer then 'unknown_customer'
            when not resolved.is_known_meter and not resolved.is_retraction then 'unknown_meter'
            when abs(resolved.quantity) >= resolved.largest_quantity and not resolved.is_retraction then 'quantity_out_of_range'
            when resolved.must_supply_amount and resolved.supplied_minor is null and not resolved.is_retraction then 'missing_amount'
            when compared.finding = 'conflict' then 'conflicting_content'
        end as reason
    from resolved
    left join compared
        on
            resolved.landing_position = compared.landing_position
            and resolved.line_number = compared.line_number
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
        case when contract_violation is null then {{ digest_number(event_content()) }} end as content_hash,
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
