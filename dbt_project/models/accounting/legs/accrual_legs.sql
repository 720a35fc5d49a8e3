with

accruals as (
    select * from {{ ref('unbilled_accruals') }}
    where
        not is_sealed
        and hold_reason is null
),

-- Nobody is asked for it yet, so that the receivable has no party.
sides as (
    {% for leg, side, sign in [("unbilled", "unbilled", ""), ("accrued", "revenue", "-")] %}
        select
            accruals.*,
            {{ dbt.concat(["'" ~ leg ~ ":'", "line_key"]) }} as leg,
            {{ side }}_account as account,
            {{ side }}_dimensions as dimensions,
            {{ sign }}amount_minor as signed_minor
        from accruals
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        natural_id,
        'unbilled_receivables_accrued' as event,
        cast(null as varchar) as reverses,
        {{ dbt.concat(["'subscription/'", "subject"]) }} as source_document,
        subject as source_number,
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
        cast(signed_minor as bigint) as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        customer_id as document_customer_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as partner_entity,
        line_key as source_line_key,
        service_period_start,
        service_period_end
    from sides
)

select * from final
