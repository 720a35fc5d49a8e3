with

invoice_settlements as (
    select * from {{ ref('invoice_settlements') }}
),

written_off as (
    select
        invoice_key,
        {{ sum_whole('amount_minor') }} as written_off_minor
    from {{ ref('write_offs') }}
    where hold_reason is null
    group by invoice_key
),

final as (
    select
        invoice_settlements.invoice_key,
        invoice_settlements.entity,
        invoice_settlements.issued_by,
        invoice_settlements.number,
        invoice_settlements.customer_id,
        invoice_settlements.period,
        invoice_settlements.currency,
        invoice_settlements.invoiced_minor,
        invoice_settlements.credited_minor,
        invoice_settlements.settled_minor,
        invoice_settlements.paid_minor,
        invoice_settlements.refunded_minor,
        coalesce(written_off.written_off_minor, 0) as written_off_minor,
        invoice_settlements.due_minor - coalesce(written_off.written_off_minor, 0) as remaining_minor
    from invoice_settlements
    left join written_off on invoice_settlements.invoice_key = written_off.invoice_key
)

select * from final
