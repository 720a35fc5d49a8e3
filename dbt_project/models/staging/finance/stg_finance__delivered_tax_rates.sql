with

latest as (
    {{ latest_landed(source('raw_finance', 'tax_rates'), ['entity_id', 'country', 'tax_code', 'tax_component', 'effective_from']) }}
),

typed as (
    select
        entity_id as entity,
        country,
        tax_code,
        coalesce({{ blank_to_null('tax_component') }}, 'tax') as tax_component,
        {{ safe_cast_to(blank_to_null('rate'), rate_type()) }} as tax_rate,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        {{ safe_cast_to(blank_to_null('effective_to'), 'date') }} as effective_to,
        {{ blank_to_null('effective_to') }} is not null as has_end,
        {{ dbt.concat(["cast(landed_on as varchar)", "'/'", "file_name"]) }} as delivery,
        file_name,
        line_number
    from latest
),

-- Without a date of its own a row has no successor but what is delivered later for the same tax.
succeeded as (
    select
        typed.*,
        max(delivery) over (partition by entity, country, tax_code, tax_component) > delivery as is_followed
    from typed
),

final as (
    select
        entity,
        country,
        tax_code,
        tax_component,
        tax_rate,
        effective_from,
        effective_to,
        file_name,
        line_number,
        case
            when effective_from is null or (has_end and effective_to is null) then 'not_a_date'
            when effective_to <= effective_from then 'ends_before_it_starts'
            when tax_rate is null then 'not_a_number'
            when tax_rate < 0 then 'negative_rate'
            when tax_rate > 1 then 'rate_above_one'
        end as violation
    from succeeded
    where effective_from is not null or not is_followed
)

select * from final
