with

lines as (
    select
        proposed.*,
        usage_coverage.landing_position,
        usage_coverage.covered_events
    from {{ ref('proposed_credit_memo_lines') }} as proposed
    left join {{ ref('usage_coverage') }} as usage_coverage on proposed.line_key = usage_coverage.line_key
),

currencies as (
    select * from {{ ref('currencies') }}
),

credit_restorations as (
    select * from {{ ref('proposed_credit_restorations') }}
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
        bill_to_customer_id,
        currency,
        document_month,
        document_date,
        subtracted_key,
        invoice_key,
        invoice_number,
        min(functional_currency) as functional_currency,
        min(exchange_rate) as exchange_rate,
        min(exchange_rate_date) as exchange_rate_date,
        {{ document_cause('cause') }} as cause,
        min(decision_id) as decision_id,
        min(decision_reason) as decision_reason,
        min(disposition) as disposition,
        min(refund_amount_minor) as refund_amount_minor,
        min(out_of_band_amount_minor) as out_of_band_amount_minor,
        {{ sum_whole('amount_minor') }} as subtotal_minor,
        {{ sum_whole('tax_minor') }} as tax_minor,
        {{ json_array_of(billing_line_json('lines', {"corrects_line_key": "lines.corrects_line_key", "cause": "lines.cause"}), 'document_line_key') }} as lines_json
    from lines
    group by
        natural_id,
        entity,
        bill_to_customer_id,
        currency,
        document_month,
        document_date,
        subtracted_key,
        invoice_key,
        invoice_number
),

credits as (
    select
        natural_id,
        entity,
        {{ sum_whole('amount_minor') }} as restored_minor,
        {{ json_array_of(credit_json('credit_restorations'), 'place') }} as credits_json
    from credit_restorations
    group by
        natural_id,
        entity
),

final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        'stripe' as system,
        documents.entity,
        'credit_memo' as document_type,
        documents.natural_id,
        {{ dbt.concat(["'stripe/'", "documents.entity", "'/credit_memo/'", "documents.natural_id"]) }} as business_key,
        cast(1 as integer) as revision,
        'create' as operation,
        'credit_memo' as series,
        documents.document_date,
        documents.document_date as posting_date,
        {{ period_of('documents.document_month') }} as period,
        documents.currency,
        documents.subtotal_minor + documents.tax_minor as total_minor,
        {{ dbt.concat(["'[\"'", "documents.invoice_key", "'\"]'"]) }} as depends_on,
        'confidential-financial' as sensitivity,
        documents.cause,
        documents.subtracted_key,
        cast(coalesce(heads.register_head, 0) as bigint) as register_head,
        mirror.incarnation as register_incarnation,
        cast(mirror.mirrored_position as bigint) as register_position,
        cast({{ json_object({
            "customer_id": "documents.bill_to_customer_id",
            "invoice_key": "documents.invoice_key",
            "invoice_number": "documents.invoice_number",
            "currency": "documents.currency",
            "currency_exponent": "cast(currencies.exponent as integer)",
            "document_date": "cast(documents.document_date as varchar)",
            "subtotal_minor": "documents.subtotal_minor",
            "tax_minor": "documents.tax_minor",
            "total_minor": "documents.subtotal_minor + documents.tax_minor",
            "restored_credit_minor": "coalesce(credits.restored_minor, 0)",
            "credits": "coalesce(credits.credits_json, " ~ empty_json_array() ~ ")",
            "functional_currency": "documents.functional_currency",
            "exchange_rate": "documents.exchange_rate",
            "exchange_rate_date": "documents.exchange_rate_date",
            "decision_id": "documents.decision_id",
            "decision_reason": "documents.decision_reason",
            "disposition": "documents.disposition",
            "refund_amount_minor": "documents.refund_amount_minor",
            "out_of_band_amount_minor": "documents.out_of_band_amount_minor",
            "lines": "documents.lines_json",
        }) }} as varchar) as payload
    from documents
    cross join mirror
    inner join currencies on documents.currency = currencies.currency
    left join credits
        on
            documents.natural_id = credits.natural_id
            and documents.entity = credits.entity
    left join heads on documents.subtracted_key = heads.subtracted_key
)

select * from final
