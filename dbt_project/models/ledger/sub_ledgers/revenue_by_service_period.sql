with

revenue_movements as (
    select * from {{ ref('revenue_movements') }}
),

final as (
    select
        entity,
        period,
        service_period,
        account,
        product,
        currency,
        {{ sum_whole("case when earned_by = 'usage' then amount_minor else 0 end") }} as usage_minor,
        {{ sum_whole("case when earned_by = 'schedule' then amount_minor else 0 end") }} as schedule_minor,
        {{ sum_whole("case when earned_by = 'accrual' then amount_minor else 0 end") }} as accrual_minor,
        {{ sum_whole("case when earned_by = 'promotional_credit' then amount_minor else 0 end") }} as promotional_credit_minor,
        {{ sum_whole("case when earned_by = 'breakage' then amount_minor else 0 end") }} as breakage_minor,
        {{ sum_whole('amount_minor') }} as revenue_minor,
        period <> service_period as is_off_diagonal
    from revenue_movements
    group by
        entity,
        period,
        service_period,
        account,
        product,
        currency
)

select * from final
