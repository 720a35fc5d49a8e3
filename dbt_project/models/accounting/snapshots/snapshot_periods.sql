with

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
    where first_open_month is not null
),

mirror as (
    select * from {{ ref('stg_register_issued__mirror') }}
),

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
),

sealed as (
    select distinct
        entity,
        cause as event,
        period
    from {{ ref('stg_register_issued__documents') }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
),

landing as (
    select
        coalesce(max(landing_position), 0) as landing_position,
        max(landed_on) as landed_on
    from landed_files
),

events as (
    {% for event in snapshot_events() %}
        select '{{ event }}' as event
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        entities.entity,
        events.event,
        {{ period_of('entities.first_open_month') }} as period,
        entities.first_open_month as first_day,
        {{ add_days(add_months('entities.first_open_month', 1), -1) }} as last_day,
        entities.functional_currency,
        entities.inclusive_tax_rounding,
        landing.landed_on,
        landing.landing_position,
        mirror.mirrored_position as register_position,
        sealed.event is not null as is_sealed
    from entities
    cross join events
    cross join landing
    cross join mirror
    left join sealed
        on
            entities.entity = sealed.entity
            and events.event = sealed.event
            and {{ period_of('entities.first_open_month') }} = sealed.period
)

select * from final
