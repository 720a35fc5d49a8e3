with

opening_documents as (
    select * from {{ ref('opening_documents') }}
    where hold_reason is null
),

mirror as (
    select * from {{ ref('stg_register_opening__mirror') }}
),

-- What the ledger carried over is delivered to nobody: the register is its only destination.
final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        'register' as system,
        opening_documents.entity,
        'opening' as document_type,
        opening_documents.natural_id,
        opening_documents.business_key,
        cast(1 as integer) as revision,
        'create' as operation,
        cast(null as varchar) as series,
        opening_documents.document_date,
        opening_documents.opening_date as posting_date,
        {{ period_of('opening_documents.opening_date') }} as period,
        opening_documents.currency,
        opening_documents.amount_minor as total_minor,
        '[]' as depends_on,
        'confidential-financial' as sensitivity,
        'opening' as cause,
        {{ dbt.concat(["'register/'", "opening_documents.entity", "'/opening'"]) }} as subtracted_key,
        cast(0 as bigint) as register_head,
        mirror.incarnation as register_incarnation,
        cast({{ json_object({
            "opening": "opening_documents.opening",
            "customer_id": "opening_documents.customer_id",
            "number": "opening_documents.number",
            "product": "opening_documents.product",
            "currency": "opening_documents.currency",
            "currency_exponent": "cast(opening_documents.currency_exponent as integer)",
            "functional_currency": "opening_documents.functional_currency",
            "exchange_rate": decimal_text("opening_documents.exchange_rate"),
            "due_date": "cast(opening_documents.due_date as varchar)",
            "signed_minor": "opening_documents.signed_minor",
            "signed_functional_minor": "opening_documents.signed_functional_minor",
            "account": "opening_documents.account",
            "equity_account": "opening_documents.equity_account",
            "rounding_account": "opening_documents.rounding_account",
            "revenue_account": "opening_documents.revenue_account",
            "grant_id": "opening_documents.grant_id",
            "subscription_id": "opening_documents.subscription_id",
            "charge_id": "opening_documents.charge_id",
            "line_key": "opening_documents.line_key",
            "quantity": "opening_documents.quantity",
            "service_period_start": "cast(opening_documents.service_period_start as varchar)",
            "service_period_end": "cast(opening_documents.service_period_end as varchar)",
        }) }} as varchar) as payload
    from opening_documents
    cross join mirror
)

select * from final
