with

sealed_lines as (
    select * from {{ ref('sealed_snapshot_lines') }}
),

-- What is sealed is restated as it was sealed, whatever is known by now.
restated as (
    select
        natural_id,
        event,
        cast(null as varchar) as reverses,
        source_document,
        source_number,
        'snapshot' as source_document_type,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        cast(null as varchar) as rounding_account,
        leg,
        account,
        dimensions,
        signed_minor,
        signed_functional_minor,
        document_customer_id,
        customer_id,
        cast(null as varchar) as partner_entity,
        source_line_key,
        service_period_start,
        service_period_end
    from sealed_lines
),

originals as (
    {{ posting_legs(['accrual_legs', 'revaluation_legs']) }}
    union all
    select * from restated
),

-- The exact negation, on the first day of the next month.
reversals as (
    select
        {{ snapshot_reversal_of('natural_id') }} as natural_id,
        {{ snapshot_reversal_event('event') }} as event,
        natural_id as reverses,
        source_document,
        source_number,
        source_document_type,
        entity,
        {{ first_day_after_month_of('posting_date') }} as posting_date,
        currency,
        functional_currency,
        exchange_rate,
        rounding_account,
        leg,
        account,
        dimensions,
        cast(-signed_minor as bigint) as signed_minor,
        cast(-signed_functional_minor as bigint) as signed_functional_minor,
        document_customer_id,
        customer_id,
        partner_entity,
        source_line_key,
        service_period_start,
        service_period_end
    from originals
),

final as (
    select * from restated
    union all
    select * from reversals
)

select * from final
