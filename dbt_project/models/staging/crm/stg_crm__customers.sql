with

latest as (
    {{ latest_landed(source('raw_crm', 'customers'), ['customer_id']) }}
),

time_zones as (
    select name from {{ time_zone_names() }}
),

-- A customer of an unknown time zone has the days of UTC, and is not billed.
final as (
    select
        latest.customer_id,
        {{ blank_to_null('latest.name') }} as customer_name,
        {{ blank_to_null('latest.email') }} as email,
        {{ blank_to_null('latest.country') }} as country,
        {{ blank_to_null('latest.entity_id') }} as entity,
        upper({{ blank_to_null('latest.currency') }}) as currency,
        coalesce(time_zones.name, 'UTC') as time_zone,
        {{ blank_to_null('latest.tax_id') }} as tax_id,
        coalesce({{ safe_cast_to(blank_to_null('latest.payment_term_days'), 'integer') }}, 30) as payment_term_days,
        {{ blank_to_null('latest.parent_customer_id') }} as parent_customer_id,
        latest.file_name,
        latest.line_number,
        case when {{ blank_to_null('latest.time_zone') }} is not null and time_zones.name is null then 'unknown_time_zone' end as violation
    from latest
    left join time_zones on {{ blank_to_null('latest.time_zone') }} = time_zones.name
)

select * from final
