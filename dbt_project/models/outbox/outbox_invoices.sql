with

lines as (
    select
        proposed.*,
        usage_coverage.landing_position,
        usage_coverage.covered_events
    from {{ ref('proposed_invoice_lines') }} as proposed
    left join {{ ref('usage_coverage') }} as usage_coverage on proposed.line_key = usage_coverage.line_key
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

mirror as (
    select * from {{ ref('stg_register_opening__mirror') }}
),

heads as (
    {{ outbox_heads() }}
),

documents as (
    select
        natural_id,
        entity,
        customer_id,
        currency,
        document_month,
        document_date,
        subtracted_key,
        min(currency_exponent) as currency_exponent,
        min(functional_currency) as functional_currency,
        min(exchange_rate) as exchange_rate,
        min(exchange_rate_date) as exchange_rate_date,
        {{ sum_whole('amount_minor') }} as subtotal_minor,
        {{ sum_whole('tax_minor') }} as tax_minor,
        max(case when was_issued or billing_month < document_month then 1 else 0 end) as has_late_lines,
        min(case when was_issued or billing_month < document_month then 1 else 0 end) as has_only_late_lines,
        {{ json_array_of(billing_line_json('lines', {"corrects_line_key": "cast(null as varchar)"}), 'document_line_key') }} as lines_json
    from lines
    group by
        natural_id,
        entity,
        customer_id,
        currency,
        document_month,
        document_date,
        subtracted_key
),

addressed as (
    select
        documents.*,
        coalesce(customers.payment_term_days, 30) as payment_term_days
    from documents
    left join customers on documents.customer_id = customers.customer_id
),

final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        'stripe' as system,
        addressed.entity,
        'invoice' as document_type,
        addressed.natural_id,
        {{ dbt.concat(["'stripe/'", "addressed.entity", "'/invoice/'", "addressed.natural_id"]) }} as business_key,
        cast(1 as integer) as revision,
        'create' as operation,
        'invoice' as series,
        addressed.document_date,
        addressed.document_date as posting_date,
        {{ period_of('addressed.document_month') }} as period,
        addressed.currency,
        addressed.subtotal_minor + addressed.tax_minor as total_minor,
        {{ dbt.concat(["'[\"stripe/'", "addressed.entity", "'/customer/'", "addressed.customer_id", "'\"]'"]) }} as depends_on,
        'confidential-financial' as sensitivity,
        case when addressed.has_only_late_lines = 1 then 'late_usage' else 'usage_and_fees' end as cause,
        addressed.subtracted_key,
        cast(coalesce(heads.register_head, 0) as bigint) as register_head,
        mirror.incarnation as register_incarnation,
        cast({{ json_object({
            "customer_id": "addressed.customer_id",
            "currency": "addressed.currency",
            "currency_exponent": "cast(addressed.currency_exponent as integer)",
            "document_date": "cast(addressed.document_date as varchar)",
            "due_date": "cast(cast(" ~ dbt.dateadd('day', 'addressed.payment_term_days', 'addressed.document_date') ~ " as date) as varchar)",
            "subtotal_minor": "addressed.subtotal_minor",
            "tax_minor": "addressed.tax_minor",
            "total_minor": "addressed.subtotal_minor + addressed.tax_minor",
            "functional_currency": "addressed.functional_currency",
            "exchange_rate": decimal_text("addressed.exchange_rate"),
            "exchange_rate_date": "cast(addressed.exchange_rate_date as varchar)",
            "lines": "addressed.lines_json",
        }) }} as varchar) as payload
    from addressed
    cross join mirror
    left join heads on addressed.subtracted_key = heads.subtracted_key
)

select * from final
