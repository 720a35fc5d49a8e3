with

documents as (
    select * from {{ ref('canonical_documents') }}
),

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where document_type <> 'opening'
),

openings as (
    select * from {{ ref('stg_register_issued__openings') }}
    where opening = 'open_item'
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
),

payments as (
    select * from {{ ref('payment_postings') }}
    where hold_reason is null
),

decision_postings as (
    select * from {{ ref('decision_postings') }}
    where hold_reason is null
),

register_documents as (
    select * from {{ ref('stg_register_issued__documents') }}
    where document_type in ('invoice', 'opening')
),

-- A document is one claim on whom it was issued to.
billed as (
    select
        business_key,
        posting_date,
        min(receivable_account) as account,
        {{ sum_whole('amount_minor + tax_minor') }} as amount_minor
    from billing_lines
    group by
        business_key,
        posting_date
),

drawn as (
    select
        business_key,
        {{ sum_whole('-amount_minor') }} as amount_minor
    from credit_applications
    group by business_key
),

-- Signed as the receivable is: what is owed is positive.
combined as (
    select
        business_key as source_document,
        business_key as document_key,
        cast(null as varchar) as event,
        'billed' as movement,
        posting_date,
        account,
        cast(null as varchar) as counter_account,
        amount_minor
    from billed
    union all
    select
        business_key as source_document,
        business_key as document_key,
        cast(null as varchar) as event,
        'opened' as movement,
        posting_date,
        account,
        cast(null as varchar) as counter_account,
        amount_minor
    from openings
    union all
    select
        drawn.business_key as source_document,
        drawn.business_key as document_key,
        cast(null as varchar) as event,
        'drawn' as movement,
        billed.posting_date,
        billed.account,
        cast(null as varchar) as counter_account,
        drawn.amount_minor
    from drawn
    inner join billed on drawn.business_key = billed.business_key
    union all
    select
        payment_key as source_document,
        invoice_key as document_key,
        'payment_received' as event,
        'paid' as movement,
        posting_date,
        receivable_account as account,
        cash_account as counter_account,
        -amount_minor as amount_minor
    from payments
    union all
    select
        natural_id as source_document,
        source_document as document_key,
        event,
        case when event = 'refund_issued' then 'refunded' else 'written_off' end as movement,
        posting_date,
        receivable_account as account,
        role_account as counter_account,
        case when event = 'refund_issued' then amount_minor else -amount_minor end as amount_minor
    from decision_postings
),

final as (
    select
        documents.entity,
        combined.source_document,
        documents.invoice_key,
        coalesce(combined.event, documents.issue_event) as event,
        case
            when combined.movement <> 'billed' then combined.movement
            when documents.issue_event = 'invoice_issued' then 'invoiced'
            when documents.issue_event = 'credit_memo_issued' then 'credited'
            else 'voided'
        end as movement,
        combined.posting_date,
        {{ period_of('combined.posting_date') }} as period,
        -- What the platform issued states no due date.
        coalesce(cast({{ json_text('register_documents.payload', 'due_date') }} as date), invoices.document_date) as due_on,
        combined.account,
        combined.counter_account,
        coalesce(invoices.customer_id, documents.customer_id) as customer_id,
        documents.currency,
        combined.amount_minor
    from combined
    inner join documents on combined.document_key = documents.business_key
    left join documents as invoices on documents.invoice_key = invoices.business_key
    left join register_documents on documents.invoice_key = register_documents.business_key
    where combined.amount_minor <> 0
)

select * from final
