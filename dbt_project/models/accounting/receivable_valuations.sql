with

documents as (
    select * from {{ ref('canonical_documents') }}
    where
        hold_reason is null
        and document_type <> 'opening'
),

open_items as (
    select * from {{ ref('stg_register_issued__openings') }}
    where opening = 'open_item'
),

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
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

sealed_lines as (
    select * from {{ ref('stg_register_issued__journal_lines') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- Only what is due is a receivable: what was drawn from prepaid credits is settled already.
document_parts as (
    select
        business_key,
        posting_date,
        receivable_account,
        bill_to_customer_id as customer_id,
        amount_minor + tax_minor as signed_minor
    from billing_lines
    union all
    select
        business_key,
        posting_date,
        cast(null as varchar) as receivable_account,
        customer_id,
        -amount_minor as signed_minor
    from credit_applications
),

-- Debit positive: a payment, a credit memo and a write-off lower a receivable, a refund takes what was paid back.
movements as (
    select
        business_key,
        cast(null as varchar) as settlement_id,
        1 as turn,
        posting_date,
        min(receivable_account) as receivable_account,
        min(customer_id) as customer_id,
        sum(signed_minor) as signed_minor
    from document_parts
    group by
        business_key,
        posting_date
    union all
    select
        business_key,
        {{ dbt.concat(["'opening:'", "natural_id"]) }} as settlement_id,
        1 as turn,
        posting_date,
        account as receivable_account,
        customer_id,
        amount_minor as signed_minor
    from open_items
    union all
    select
        invoice_key as business_key,
        natural_id as settlement_id,
        2 as turn,
        posting_date,
        receivable_account,
        customer_id,
        -amount_minor as signed_minor
    from payments
    union all
    select
        source_document as business_key,
        natural_id as settlement_id,
        3 as turn,
        posting_date,
        receivable_account,
        customer_id,
        case when event = 'refund_issued' then amount_minor else -amount_minor end as signed_minor
    from decision_postings
),

identified as (
    select
        coalesce(movements.settlement_id, {{ issue_entry_id('documents') }}) as natural_id,
        movements.business_key,
        documents.invoice_key,
        documents.document_type,
        documents.entity,
        movements.turn,
        movements.posting_date,
        movements.receivable_account,
        movements.customer_id,
        documents.currency,
        documents.functional_currency,
        -- A receivable has one rate, that of its invoice.
        coalesce(invoices.exchange_rate, documents.exchange_rate) as exchange_rate,
        cast(movements.signed_minor as bigint) as signed_minor
    from movements
    inner join documents on movements.business_key = documents.business_key
    left join documents as invoices on documents.invoice_key = invoices.business_key
    where movements.signed_minor <> 0
),

sealed as (
    select
        identified.*,
        sealed_lines.document_position as sealed_position,
        case when sealed_lines.side = 'debit' then sealed_lines.functional_minor else -sealed_lines.functional_minor end as sealed_functional_minor
    from identified
    left join sealed_lines
        on
            identified.entity = sealed_lines.entity
            and identified.natural_id = sealed_lines.natural_id
            and sealed_lines.line_key in (
                {{ dbt.concat(["identified.natural_id", "'#receivable'"]) }}, {{ dbt.concat(["identified.natural_id", "'#opened'"]) }}
            )
),

-- What is sealed is counted first, so that nothing that comes later moves it.
accumulated as (
    select
        sealed.*,
        sum(signed_minor) over (
            partition by invoice_key
            order by sealed_position asc nulls last, posting_date asc, case when document_type = 'invoice' then 0 else 1 end, turn asc, natural_id asc
            rows between unbounded preceding and current row
        ) as balance_minor,
        coalesce(sum(sealed_functional_minor) over (partition by invoice_key), 0) as all_sealed_functional_minor
    from sealed
),

converted as (
    select
        accumulated.*,
        {{ converted_minor('accumulated.balance_minor', 'accumulated.exchange_rate', 'transaction_currency', 'functional') }} as functional_balance_minor
    from accumulated
    inner join currencies as transaction_currency on accumulated.currency = transaction_currency.currency
    inner join currencies as functional on accumulated.functional_currency = functional.currency
),

-- A movement is worth what it leaves of the balance at the invoice's rate: no part is rounded alone, and a balance of nothing is worth nothing.
final as (
    select
        natural_id,
        entity,
        business_key,
        invoice_key,
        posting_date,
        receivable_account,
        customer_id,
        currency,
        functional_currency,
        exchange_rate,
        signed_minor,
        cast(case
            when sealed_position is not null then sealed_functional_minor
            else functional_balance_minor - coalesce(
                    lag(functional_balance_minor) over (
                        partition by invoice_key, case when sealed_position is null then 1 else 0 end
                        order by posting_date asc, case when document_type = 'invoice' then 0 else 1 end, turn asc, natural_id asc
                    ),
                    all_sealed_functional_minor
                )
        end as bigint) as signed_functional_minor
    from converted
)

select * from final
