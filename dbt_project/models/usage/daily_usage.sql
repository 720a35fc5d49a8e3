with

events as (
    select * from {{ ref('usage_events') }}
),

final as (
    select
        customer_id,
        meter,
        dimensions,
        occurred_on,
        sum(quantity) as quantity,
        count(*) as event_count,
        max(quantity) as largest_quantity,
        {{ value_at_latest('quantity', 'occurred_at', 'event_key') }} as latest_quantity,
        sum(supplied_minor) as supplied_minor,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        max(landed_on) as last_landed_on,
        {{ digest(ordered_text(dbt.concat(["event_key", "':'", "content_hash"]), "event_key")) }} as fingerprint
    from events
    group by
        customer_id,
        meter,
        dimensions,
        occurred_on
)

select * from final
