with

measured_decisions as (
    select * from {{ ref('measured_decisions') }}
),

spread_decisions as (
    select * from {{ ref('spread_decisions') }}
),

refundable_payments as (
    select * from {{ ref('refundable_payments') }}
),

totals as (
    select
        decision_id,
        {{ sum_whole('credit_minor + credit_tax_minor') }} as total_minor
    from spread_decisions
    group by decision_id
),

judged as (
    select
        measured_decisions.*,
        coalesce(totals.total_minor, 0) as total_minor,
        coalesce(refundable_payments.charge_refundable_minor, 0) as charge_refundable_minor,
        coalesce(refundable_payments.recorded_refundable_minor, 0) as recorded_refundable_minor,
        case
            when measured_decisions.refusal is not null then measured_decisions.refusal
            when
                measured_decisions.disposition = 'refund'
                and totals.total_minor > coalesce(refundable_payments.refundable_minor, 0)
                then 'exceeds_paid'
            when measured_decisions.disposition = 'refund' and refundable_payments.platform_due_minor > 0 then 'still_due'
        end as hold_reason
    from measured_decisions
    left join totals on measured_decisions.decision_id = totals.decision_id
    left join refundable_payments on measured_decisions.invoice_key = refundable_payments.invoice_key
),

-- One decision on an invoice at a time, in the order of their approval: each is measured by what the one before it left.
ranked as (
    select
        judged.*,
        row_number() over (
            partition by invoice_key, case when hold_reason is null then 0 else 1 end
            order by verdict_position asc
        ) as turn
    from judged
),

-- What the platform holds as a charge goes back the way it came; what it only knows of goes back outside of it.
final as (
    select
        decision_id,
        kind,
        cause,
        entity,
        invoice_key,
        document_line_key,
        currency,
        basis,
        amount_minor,
        credit_minor,
        remaining_minor,
        disposition,
        case when disposition = 'refund' then cast(least(total_minor, charge_refundable_minor) as bigint) end as refund_amount_minor,
        case
            when disposition = 'refund'
                then cast(least(total_minor - least(total_minor, charge_refundable_minor), recorded_refundable_minor) as bigint)
        end as out_of_band_amount_minor,
        reason,
        requested_by,
        approved_by,
        document_month,
        coalesce(hold_reason, case when turn > 1 then 'earlier_decision_first' end) as hold_reason
    from ranked
)

select * from final
