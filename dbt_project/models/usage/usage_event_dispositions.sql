with

events as (
    select * from {{ ref('stg_product__usage_events') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

resolved as (
    select
        events.*,
        customers.time_zone,
        case
            when events.contract_violation is not null then events.contract_violation
            when customers.customer_id is null then 'unknown_customer'
            when meters.meter is null then 'unknown_meter'
        end as rejection_reason
    from events
    left join customers on events.customer_id = customers.customer_id
    left join meters on events.meter = meters.meter
),

acceptable as (
    select
        file_name,
        line_number,
        event_source,
        event_id,
        content_hash,
        landed_on,
        row_number() over (
            partition by event_source, event_id
            order by landed_on asc, file_name asc, line_number asc
        ) as arrival_rank
    from resolved
    where rejection_reason is null
),

first_arrivals as (
    select
        event_source,
        event_id,
        content_hash as first_content_hash,
        landed_on as first_landed_on
    from acceptable
    where arrival_rank = 1
),

-- When the very first partition of an identity disagrees with itself, nobody can say which content is true.
disputed as (
    select distinct
        acceptable.event_source,
        acceptable.event_id
    from acceptable
    inner join first_arrivals
        on
            acceptable.event_source = first_arrivals.event_source
            and acceptable.event_id = first_arrivals.event_id
    where
        acceptable.landed_on = first_arrivals.first_landed_on
        and acceptable.content_hash <> first_arrivals.first_content_hash
),

compared as (
    select
        acceptable.file_name,
        acceptable.line_number,
        case
            when disputed.event_id is not null or acceptable.content_hash <> first_arrivals.first_content_hash then 'conflicting_content'
        end as conflict,
        acceptable.arrival_rank
    from acceptable
    inner join first_arrivals
        on
            acceptable.event_source = first_arrivals.event_source
            and acceptable.event_id = first_arrivals.event_id
    left join disputed
        on
            acceptable.event_source = disputed.event_source
            and acceptable.event_id = disputed.event_id
),

final as (
    select
        resolved.file_name,
        resolved.line_number,
        resolved.landed_on,
        resolved.event_source,
        resolved.event_id,
        resolved.event_type,
        resolved.customer_id,
        resolved.meter,
        resolved.quantity,
        resolved.dimensions,
        resolved.counted_value,
        resolved.supplied_minor,
        resolved.occurred_at,
        resolved.content_hash,
        coalesce(resolved.rejection_reason, compared.conflict) as reason,
        case
            when coalesce(resolved.rejection_reason, compared.conflict) is not null then 'quarantined'
            when compared.arrival_rank > 1 then 'duplicate'
            else 'kept'
        end as disposition,
        case
            when resolved.rejection_reason is null then {{ local_date('resolved.occurred_at', 'resolved.time_zone') }}
        end as occurred_on
    from resolved
    left join compared
        on
            resolved.file_name = compared.file_name
            and resolved.line_number = compared.line_number
)

select * from final
