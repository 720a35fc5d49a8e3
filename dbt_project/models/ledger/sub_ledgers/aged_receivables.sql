with

receivable_movements as (
    select * from {{ ref('receivable_movements') }}
),

periods as (
    select * from {{ ref('sub_ledger_periods') }}
),

moved as (
    select
        entity,
        invoice_key,
        account,
        customer_id,
        currency,
        due_on,
        period,
        {{ sum_whole('amount_minor') }} as amount_minor
    from receivable_movements
    group by
        entity,
        invoice_key,
        account,
        customer_id,
        currency,
        due_on,
        period
),

-- What is open of an invoice stands until it moves again.
standing as (
    select
        moved.*,
        sum(amount_minor) over (
            partition by entity, invoice_key, account, customer_id, currency
            order by period asc
            rows between unbounded preceding and current row
        ) as open_minor,
        lead(period) over (partition by entity, invoice_key, account, customer_id, currency order by period asc) as next_period
    from moved
),

open_items as (
    select
        standing.entity,
        periods.period,
        standing.account,
        standing.customer_id,
        standing.currency,
        standing.open_minor,
        {{ days_between('standing.due_on', 'periods.last_day') }} as days_past_due
    from standing
    inner join periods
        on
            standing.entity = periods.entity
            and standing.period <= periods.period
            and (periods.period < standing.next_period or standing.next_period is null)
    where standing.open_minor <> 0
),

final as (
    select
        entity,
        period,
        account,
        customer_id,
        currency,
        cast(count(*) as bigint) as open_invoices,
        {{ sum_whole('case when days_past_due <= 0 then open_minor else 0 end') }} as not_due_minor,
        {{ sum_whole('case when days_past_due between 1 and 30 then open_minor else 0 end') }} as due_1_to_30_days_minor,
        {{ sum_whole('case when days_past_due between 31 and 60 then open_minor else 0 end') }} as due_31_to_60_days_minor,
        {{ sum_whole('case when days_past_due between 61 and 90 then open_minor else 0 end') }} as due_61_to_90_days_minor,
        {{ sum_whole('case when days_past_due > 90 then open_minor else 0 end') }} as due_over_90_days_minor,
        {{ sum_whole('open_minor') }} as open_minor
    from open_items
    group by
        entity,
        period,
        account,
        customer_id,
        currency
)

select * from final
