with

breakage_postings as (
    select * from {{ ref('breakage_postings') }}
    where hold_reason is null
),

sides as (
    {% for leg, sign in [("contract_liability", ""), ("breakage_revenue", "-")] %}
        select
            breakage_postings.*,
            '{{ leg }}' as leg,
            {{ leg }}_account as account,
            {{ leg }}_dimensions as dimensions,
            {{ sign }}amount_minor as signed_minor
        from breakage_postings
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        natural_id,
        'breakage_recognised' as event,
        cast(null as varchar) as reverses,
        source_document,
        grant_id as source_number,
        'credit_grant' as source_document_type,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        cast(null as varchar) as rounding_account,
        leg,
        account,
        dimensions,
        cast(signed_minor as bigint) as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        customer_id as document_customer_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as partner_entity,
        cast(null as varchar) as source_line_key,
        posting_date as service_period_start,
        {{ add_days('posting_date', 1) }} as service_period_end
    from sides
)

select * from final
