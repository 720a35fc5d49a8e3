with

revaluations as (
    select * from {{ ref('revaluations') }}
    where
        not is_sealed
        and hold_reason is null
),

-- What the customer owes does not change, only what it is worth: an amount of the functional currency alone.
sides as (
    {% for leg, customer, sign in [
        ("receivable", "customer_id", ""),
        ("difference", "cast(null as varchar)", "-")
    ] %}
        select
            revaluations.*,
            '{{ leg }}' as leg,
            {{ leg }}_account as account,
            {{ leg }}_dimensions as dimensions,
            {{ customer }} as party_id,
            {{ sign }}difference_minor as signed_functional_minor
        from revaluations
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        natural_id,
        'receivables_revalued' as event,
        cast(null as varchar) as reverses,
        invoice_key as source_document,
        number as source_number,
        'snapshot' as source_document_type,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        rounding_account,
        leg,
        account,
        dimensions,
        cast(0 as bigint) as signed_minor,
        cast(signed_functional_minor as bigint) as signed_functional_minor,
        customer_id as document_customer_id,
        party_id as customer_id,
        cast(null as varchar) as partner_entity,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from sides
)

select * from final
