with

lines as (
    select * from {{ ref('numbered_invoice_lines') }}
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
        lines.amount_minor,
        lines.was_issued,
        lines.fingerprint,
        lines.tax_code,
        lines.tax_rate,
        coalesce(taxes.tax_minor, 0) as tax_minor,
        lines.receivable_account,
        lines.revenue_account,
        lines.deferred_account,
        lines.tax_account,
        lines.rounding_account,
        lines.subtracted_key,
        lines.cause,
        lines.gross_minor,
        lines.discount_minor
    from lines
    left join taxes on lines.document_line_key = taxes.document_line_key
)

select * from final
