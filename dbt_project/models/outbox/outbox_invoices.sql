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

credit_applications as (
    select * from {{ ref('proposed_credit_applications') }}
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where
        document_type = 'invoice'
        and state <> 'cancelled'
),

issued_credits as (
    select
        document_position,
        {{ sum_whole('amount_minor') }} as applied_minor
    from {{ ref('stg_register_opening__credit_applications') }}
    group by document_position
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
        min(currency_exponent) as currency_exponent,
        min(functional_currency) as functional_currency,
        min(exchange_rate) as exchange_rate,
        min(exchange_rate_date) as exchange_rate_date,
        {{ sum_whole('amount_minor') }} as subtotal_minor,
        {{ sum_whole('tax_minor') }} as tax_minor,
        {{ document_cause('cause') }} as cause,
        min(decision_id) as decision_id,
        min(decision_reason) as decision_reason,
        {{ json_array_of(billing_line_json('lines', {
            "corrects_line_key": "cast(null as varchar)",
            "credits_expire_on": "cast(lines.credits_expire_on as varchar)",
            "cause": "lines.cause",
        }), 'document_line_key') }} as lines_json
    from lines
    group by
        natural_id,
        entity,
        bill_to_customer_id,
        currency,
        document_month,
        document_date,
        subtracted_key
),

credits as (
    select
        natural_id,
        entity,
        {{ sum_whole('amount_minor') }} as applied_minor,
        {{ json_array_of(credit_json('credit_applications'), 'place') }} as credits_json
    from credit_applications
    group by
        natural_id,
        entity
),

settled as (
    select
        documents.*,
        {{ dbt.concat(["'stripe/'", "documents.entity", "'/invoice/'", "documents.natural_id"]) }} as business_key,
        coalesce(customers.payment_term_days, 30) as payment_term_days,
        coalesce(credits.applied_minor, 0) as applied_minor,
        coalesce(credits.credits_json, {{ empty_json_array() }}) as credits_json
    from documents
    left join customers on documents.bill_to_customer_id = customers.customer_id
    left join credits
        on
            documents.natural_id = credits.natural_id
            and documents.entity = credits.entity
),

last_positions as (
    select
        subtracted_key,
        currency,
        max(document_position) as document_position
    from issued_documents
    group by
        subtracted_key,
        currency
),

last_issued as (
    select
        last_positions.subtracted_key,
        last_positions.currency,
        issued_documents.business_key,
        coalesce(issued_credits.applied_minor, 0) as applied_minor
    from last_positions
    inner join issued_documents on last_positions.document_position = issued_documents.document_position
    left join issued_credits on last_positions.document_position = issued_credits.document_position
),

-- Credits pass through the customer's balance at the billing platform, which whatever is finalized next takes: one document at a time, of
-- those that are sealed together in their order.
ordered as (
    select
        settled.*,
        lag(business_key) over (
            partition by subtracted_key, currency, document_month order by document_date asc, length(natural_id) asc, natural_id asc
        ) as earlier_key,
        lag(applied_minor) over (
            partition by subtracted_key, currency, document_month order by document_date asc, length(natural_id) asc, natural_id asc
        ) as earlier_applied_minor
    from settled
),

addressed as (
    select
        ordered.*,
        case
            when
                ordered.applied_minor > 0
                or coalesce(ordered.earlier_applied_minor, last_issued.applied_minor, 0) > 0
                then coalesce(ordered.earlier_key, last_issued.business_key)
        end as waits_for_key
    from ordered
    left join last_issued
        on
            ordered.subtracted_key = last_issued.subtracted_key
            and ordered.currency = last_issued.currency
),

final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        'stripe' as system,
        addressed.entity,
        'invoice' as document_type,
        addressed.natural_id,
        addressed.business_key,
        cast(1 as integer) as revision,
        'create' as operation,
        'invoice' as series,
        addressed.document_date,
        addressed.document_date as posting_date,
        {{ period_of('addressed.document_month') }} as period,
        addressed.currency,
        addressed.subtotal_minor + addressed.tax_minor as total_minor,
        {{ dbt.concat([
            "'[\"stripe/'", "addressed.entity", "'/customer/'", "addressed.bill_to_customer_id", "'\"'",
            "coalesce(',\"' || addressed.waits_for_key || '\"', '')", "']'"
        ]) }} as depends_on,
        'confidential-financial' as sensitivity,
        addressed.cause,
        addressed.subtracted_key,
        cast(coalesce(heads.register_head, 0) as bigint) as register_head,
        mirror.incarnation as register_incarnation,
        cast(mirror.mirrored_position as bigint) as register_position,
        cast({{ json_object({
            "customer_id": "addressed.bill_to_customer_id",
            "cause": "addressed.cause",
            "currency": "addressed.currency",
            "currency_exponent": "cast(addressed.currency_exponent as integer)",
            "document_date": "cast(addressed.document_date as varchar)",
            "due_date": "cast(cast(" ~ dbt.dateadd('day', 'addressed.payment_term_days', 'addressed.document_date') ~ " as date) as varchar)",
            "subtotal_minor": "addressed.subtotal_minor",
            "tax_minor": "addressed.tax_minor",
            "total_minor": "addressed.subtotal_minor + addressed.tax_minor",
            "applied_credit_minor": "addressed.applied_minor",
            "amount_due_minor": "addressed.subtotal_minor + addressed.tax_minor - addressed.applied_minor",
            "credits": "addressed.credits_json",
            "functional_currency": "addressed.functional_currency",
            "exchange_rate": decimal_text("addressed.exchange_rate"),
            "exchange_rate_date": "cast(addressed.exchange_rate_date as varchar)",
            "decision_id": "addressed.decision_id",
            "decision_reason": "addressed.decision_reason",
            "lines": "addressed.lines_json",
        }) }} as varchar) as payload
    from addressed
    cross join mirror
    left join heads on addressed.subtracted_key = heads.subtracted_key
)

select * from final
