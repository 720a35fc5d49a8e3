with

lines as (
    select * from {{ ref('numbered_invoice_lines') }}
),

period_charges as (
    select * from {{ ref('period_charges') }}
    where kind = 'prepaid'
),

taxes as (
    select
        document_line_key,
        {{ sum_whole('tax_minor') }} as tax_minor
    from {{ ref('invoice_line_taxes') }}
    group by document_line_key
),

final as (
    select
        lines.natural_id,
        lines.document_line_key,
        lines.line_key,
        lines.group_key,
        lines.kind,
        lines.customer_id,
        lines.bill_to_customer_id,
        lines.entity,
        lines.currency,
        lines.currency_exponent,
        lines.functional_currency,
        lines.exchange_rate,
        lines.exchange_rate_date,
        lines.subscription_id,
        lines.charge_id,
        lines.meter,
        lines.product,
        lines.description,
        lines.service_period_start,
        lines.service_period_end,
        lines.billing_month,
        lines.document_month,
        lines.document_date,
        lines.quantity,
        lines.event_count,
        lines.price_version,
        lines.amount_precise,
        lines.rated_minor,
        lines.issued_minor,
        -- What remains of the price without the tax that is within it.
        cast(lines.charged_minor - case when lines.tax_behavior = 'inclusive' then coalesce(taxes.tax_minor, 0) else 0 end as bigint) as amount_minor,
        lines.was_issued,
        lines.was_billed_when_due,
        lines.is_due_early,
        lines.fingerprint,
        lines.country,
        lines.tax_code,
        lines.tax_behavior,
        lines.inclusive_tax_rounding,
        lines.tax_treatment,
        lines.exemption_reason,
        lines.exemption_certificate,
        lines.customer_tax_id,
        lines.tax_rate,
        coalesce(taxes.tax_minor, 0) as tax_minor,
        lines.charged_minor,
        lines.receivable_account,
        lines.revenue_account,
        lines.deferred_account,
        lines.tax_account,
        lines.rounding_account,
        lines.selling_entity,
        lines.transfer_share,
        lines.account_dimensions,
        case
            when period_charges.credit_validity_months is not null
                then {{ add_months('lines.service_period_start', 'period_charges.credit_validity_months') }}
        end as credits_expire_on,
        lines.subtracted_key,
        lines.cause,
        lines.decision_id,
        lines.decision_reason,
        lines.gross_minor,
        lines.discount_minor
    from lines
    left join taxes on lines.document_line_key = taxes.document_line_key
    left join period_charges on lines.line_key = period_charges.line_key
)

select * from final
