{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='fail') }}

with

retractions as (
    select * from {{ ref('usage_arrivals') }}
    where
        disposition = 'retraction'
        and {{ touched_rows('usage_retractions') }}
),

kept as (
    select * from {{ ref('usage_arrivals') }}
    where
        disposition = 'kept'
        and {{ touched_rows('usage_retractions') }}
),

-- A retraction has the subject and the time of the event that it takes back, so that both lie on one day, whichever came first.
matched as (
    select
        retractions.landing_position,
        retractions.line_number,
        retractions.landed_on,
        retractions.occurred_on,
        retractions.event_source,
        retractions.event_id,
        retractions.retracts_source,
        retractions.retracts_id,
        retracted.landing_position as retracted_landing_position,
        retracted.line_number as retracted_line_number,
        row_number() over (
            partition by retracted.landing_position, retracted.line_number
            order by retractions.landing_position asc, retractions.line_number asc
        ) as retraction_rank
    from retractions
    left join kept as retracted
        on
            retractions.retracts_source = retracted.event_source
            and retractions.retracts_id = retracted.event_id
            and retractions.occurred_at = retracted.occurred_at
            and retractions.customer_id = retracted.customer_id
),

final as (
    select
        landing_position,
        line_number,
        landed_on,
        occurred_on,
        event_source,
        event_id,
        retracts_source,
        retracts_id,
        case when retraction_rank = 1 then retracted_landing_position end as retracted_landing_position,
        case when retraction_rank = 1 then retracted_line_number end as retracted_line_number,
        case
            when retracted_landing_position is null then 'unknown_event'
            when retraction_rank > 1 then 'already_retracted'
        end as reason
    from matched
)

select * from final
