with

documents as (
    select * from {{ ref('canonical_documents') }}
    where hold_reason is null
),

document_accounts as (
    select * from {{ ref('document_accounts') }}
),

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

revenue_schedule as (
    select * from {{ ref('revenue_schedule') }}
),

recognised_lines as (
    select
        billing_lines.business_key,
        revenue_schedule.recognition_period,
        {{ add_days(add_months('revenue_schedule.recognition_month', 1), -1) }} as posting_date,
        billing_lines.document_line_key,
        billing_lines.deferred_account,
        billing_lines.revenue_account,
        {{ json_text('billing_lines.account_dimensions', 'deferred') }} as deferred_dimensions,
        {{ json_text('billing_lines.account_dimensions', 'revenue') }} as revenue_dimensions,
        revenue_schedule.amount_minor,
        billing_lines.service_period_start,
        billing_lines.service_period_end
    from revenue_schedule
    inner join billing_lines on revenue_schedule.document_line_key = billing_lines.document_line_key
),

sides as (
    {% for leg, account, sign in [("deferred", "deferred", ""), ("line", "revenue", "-")] %}
        select
            business_key,
            recognition_period,
            posting_date,
            {{ dbt.concat(["'" ~ leg ~ ":'", "document_line_key"]) }} as leg,
            {{ account }}_account as account,
            {{ account }}_dimensions as dimensions,
            {{ sign }}amount_minor as signed_minor,
            document_line_key,
            service_period_start,
            service_period_end
        from recognised_lines
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        {{ dbt.concat(["documents.document_type", "':'", "documents.natural_id", "':recognised:'", "sides.recognition_period"]) }} as natural_id,
        'revenue_recognised' as event,
        cast(null as varchar) as reverses,
        sides.business_key as source_document,
        documents.number as source_number,
        documents.document_type as source_document_type,
        documents.entity,
        sides.posting_date,
        documents.currency,
        documents.functional_currency,
        documents.exchange_rate,
        document_accounts.rounding_account,
        sides.leg,
        sides.account,
        sides.dimensions,
        cast(sides.signed_minor as bigint) as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        documents.customer_id as document_customer_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as partner_entity,
        sides.document_line_key as source_line_key,
        sides.service_period_start,
        sides.service_period_end
    from sides
    inner join documents on sides.business_key = documents.business_key
    inner join document_accounts on sides.business_key = document_accounts.business_key
)

select * from final
