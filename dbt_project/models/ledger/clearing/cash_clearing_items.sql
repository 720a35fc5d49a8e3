with

settlements as (
    select * from {{ ref('receivable_movements') }}
    where event in ('payment_received', 'refund_issued')
),

periods as (
    select * from {{ ref('sub_ledger_periods') }}
),

-- Nothing tells yet when the money has arrived, so that an item stands in every period from that of its posting on.
final as (
    select
        settlements.entity,
        periods.period,
        settlements.source_document,
        settlements.event,
        settlements.invoice_key,
        settlements.customer_id,
        settlements.counter_account as account,
        settlements.currency,
        settlements.posting_date as dated_on,
        cast({{ days_between('settlements.posting_date', 'periods.last_day') }} as bigint) as age_days,
        cast(-settlements.amount_minor as bigint) as amount_minor
    from settlements
    inner join periods
        on
            settlements.entity = periods.entity
            and settlements.period <= periods.period
)

select * from final
