with

register_lines as (
    select * from {{ ref('stg_register_issued__billing_lines') }}
),

lines as (
    select * from {{ ref('platform_document_lines') }}
),

-- What is held is named by the reconciliation and reaches no ledger.
documents as (
    select * from {{ ref('platform_documents') }}
    where hold_reason is null
),

final as (
    select
        business_key,
        document_position,
        document_type,
        entity,
        period,
        currency,
        number,
        document_date,
        posting_date,
        customer_id,
        bill_to_customer_id,
        document_line_key,
        line_key,
        corrects_line_key,
        group_key,
        kind,
        description,
        subscription_id,
        charge_id,
        meter,
        product,
        amount_minor,
        tax_minor,
        tax_code,
        tax_rate,
        service_period_start,
        service_period_end,
        billing_month,
        receivable_account,
        revenue_account,
        deferred_account,
        tax_account,
        rounding_account,
        account_dimensions
    from register_lines
    union all
    select
        documents.business_key,
        cast(null as bigint) as document_position,
        documents.document_type,
        documents.entity,
        documents.period,
        documents.currency,
        documents.number,
        documents.document_date,
        documents.posting_date,
        documents.customer_id,
        documents.customer_id as bill_to_customer_id,
        lines.document_line_key,
        lines.line_key,
        lines.corrects_line_key,
        lines.group_key,
        lines.kind,
        lines.description,
        lines.subscription_id,
        lines.charge_id,
        lines.meter,
        lines.product,
        lines.amount_minor,
        lines.tax_minor,
        lines.tax_code,
        lines.tax_rate,
        lines.service_period_start,
        lines.service_period_end,
        lines.billing_month,
        lines.receivable_account,
        lines.revenue_account,
        lines.deferred_account,
        lines.tax_account,
        lines.rounding_account,
        lines.account_dimensions
    from lines
    inner join documents on lines.business_key = documents.business_key
)

select * from final
