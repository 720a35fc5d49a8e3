with

documents as (
    select * from {{ ref('canonical_documents') }}
    where
        hold_reason is null
        and issued_by <> 'opening'
),

document_accounts as (
    select * from {{ ref('document_accounts') }}
),

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
),

receivable_valuations as (
    select * from {{ ref('receivable_valuations') }}
),

-- Signed in the transaction currency: debit positive. Credit memos carry negative amounts and mirror invoices by themselves.
receivable_legs as (
    select
        documents.business_key,
        receivable_valuations.posting_date,
        'receivable' as leg,
        receivable_valuations.receivable_account as account,
        document_accounts.receivable_dimensions as dimensions,
        receivable_valuations.signed_minor,
        receivable_valuations.signed_functional_minor,
        receivable_valuations.customer_id,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from receivable_valuations
    inner join documents
        on
            receivable_valuations.business_key = documents.business_key
            and receivable_valuations.natural_id = {{ issue_entry_id('documents') }}
    inner join document_accounts on receivable_valuations.business_key = document_accounts.business_key
),

credit_legs as (
    select
        business_key,
        posting_date,
        {{ dbt.concat(["'credit:'", "grant_id"]) }} as leg,
        account,
        cast(null as varchar) as dimensions,
        amount_minor as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from credit_applications
),

revenue_legs as (
    select
        business_key,
        posting_date,
        {{ dbt.concat(["'line:'", "document_line_key"]) }} as leg,
        case when kind = 'fee' then deferred_account else revenue_account end as account,
        case when kind = 'fee' then {{ json_text('account_dimensions', 'deferred') }} else {{ json_text('account_dimensions', 'revenue') }} end as dimensions,
        -amount_minor as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        cast(null as varchar) as customer_id,
        document_line_key as source_line_key,
        service_period_start,
        service_period_end
    from billing_lines
),

tax_legs as (
    select
        business_key,
        posting_date,
        {{ dbt.concat(["'tax:'", "tax_code", "':'", decimal_text('tax_rate')]) }} as leg,
        min(tax_account) as account,
        min({{ json_text('account_dimensions', 'tax') }}) as dimensions,
        -sum(tax_minor) as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from billing_lines
    group by
        business_key,
        posting_date,
        tax_code,
        tax_rate
),

combined as (
    select * from receivable_legs
    union all
    select * from credit_legs
    union all
    select * from revenue_legs
    union all
    select * from tax_legs
),

final as (
    select
        {{ issue_entry_id('documents') }} as natural_id,
        documents.issue_event as event,
        cast(null as varchar) as reverses,
        combined.business_key as source_document,
        documents.number as source_number,
        documents.document_type as source_document_type,
        documents.entity,
        combined.posting_date,
        documents.currency,
        documents.functional_currency,
        documents.exchange_rate,
        document_accounts.rounding_account,
        combined.leg,
        combined.account,
        combined.dimensions,
        cast(combined.signed_minor as bigint) as signed_minor,
        cast(combined.signed_functional_minor as bigint) as signed_functional_minor,
        documents.customer_id as document_customer_id,
        combined.customer_id,
        cast(null as varchar) as partner_entity,
        combined.source_line_key,
        combined.service_period_start,
        combined.service_period_end
    from combined
    inner join documents on combined.business_key = documents.business_key
    inner join document_accounts on combined.business_key = document_accounts.business_key
)

select * from final
