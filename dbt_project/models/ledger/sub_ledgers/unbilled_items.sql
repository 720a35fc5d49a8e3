with

accruals as (
    select * from {{ ref('unbilled_accruals') }}
    where hold_reason is null
),

final as (
    select
        entity,
        period,
        natural_id,
        line_key,
        subject,
        customer_id,
        unbilled_account as account,
        revenue_account,
        coalesce(product, '*') as product,
        currency,
        service_period_start,
        service_period_end,
        cast(amount_minor as bigint) as amount_minor,
        is_sealed
    from accruals
)

select * from final
