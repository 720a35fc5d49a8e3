with

latest as (
    {{ latest_landed(source('raw_finance', 'opening_deferred_revenue'), [blank_to_null('entity_id'), blank_to_null('deferral_id')]) }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

typed as (
    select
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('deferral_id') }} as deferral_id,
        {{ blank_to_null('customer_id') }} as customer_id,
        coalesce({{ blank_to_null('product') }}, '*') as product,
        upper({{ blank_to_null('currency') }}) as currency,
        {{ safe_cast_to(blank_to_null('service_period_start'), 'date') }} as service_period_start,
        {{ safe_cast_to(blank_to_null('service_period_end'), 'date') }} as service_period_end,
        {{ typed_amounts('remaining_amount') }},
        file_name,
        line_number
    from latest
),

valued as (
    {{ opened_amounts('typed') }}
),

-- What was served before the cutover is no part of what remains.
final as (
    select
        valued.entity,
        valued.deferral_id,
        valued.customer_id,
        valued.product,
        valued.currency,
        valued.currency_exponent,
        valued.functional_currency,
        valued.exchange_rate,
        valued.amount_minor,
        valued.functional_minor,
        greatest(valued.service_period_start, valued.opening_date) as service_period_start,
        valued.service_period_end,
        valued.opening_date,
        valued.file_name,
        valued.line_number,
        case
            when valued.amount_violation is not null then valued.amount_violation
            when valued.deferral_id is null then 'missing_key'
            when customers.customer_id is null then 'unknown_customer'
            when valued.service_period_start is null or valued.service_period_end is null then 'not_a_date'
            when valued.service_period_end <= valued.service_period_start then 'ends_before_it_starts'
            when valued.service_period_end <= valued.opening_date then 'served_before_cutover'
            when valued.amount_minor < 0 then 'not_positive'
        end as violation
    from valued
    left join customers on valued.customer_id = customers.customer_id
)

select * from final
