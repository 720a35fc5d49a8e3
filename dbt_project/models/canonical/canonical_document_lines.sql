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

openings as (
    select * from {{ ref('stg_register_issued__openings') }}
    where opening = 'deferred_revenue'
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
        selling_entity,
        transfer_share,
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
        lines.selling_entity,
        lines.transfer_share,
        lines.account_dimensions
    from lines
    inner join documents on lines.business_key = documents.business_key
    union all
    -- What is still to be served from the cutover on is served like a fee.
    select
        business_key,
        document_position,
        'opening' as document_type,
        entity,
        period,
        currency,
        number,
        document_date,
        posting_date,
        customer_id,
        customer_id as bill_to_customer_id,
        {{ dbt.concat(["entity", "'@'", "natural_id"]) }} as document_line_key,
        cast(null as varchar) as line_key,
        cast(null as varchar) as corrects_line_key,
        cast(null as varchar) as group_key,
        'fee' as kind,
        'Deferred before the cutover' as description,
        cast(null as varchar) as subscription_id,
        cast(null as varchar) as charge_id,
        cast(null as varchar) as meter,
        product,
        amount_minor,
        cast(0 as bigint) as tax_minor,
        cast(null as varchar) as tax_code,
        cast(null as {{ rate_type() }}) as tax_rate,
        service_period_start,
        service_period_end,
        {{ month_start(add_days('service_period_end', -1)) }} as billing_month,
        cast(null as varchar) as receivable_account,
        revenue_account,
        account as deferred_account,
        cast(null as varchar) as tax_account,
        rounding_account,
        cast(null as varchar) as selling_entity,
        cast(null as {{ rate_type() }}) as transfer_share,
        cast(null as varchar) as account_dimensions
    from openings
)

select * from final
