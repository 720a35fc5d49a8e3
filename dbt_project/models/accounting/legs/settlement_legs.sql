with

documents as (
    select * from {{ ref('canonical_documents') }}
    where hold_reason is null
),

document_accounts as (
    select * from {{ ref('document_accounts') }}
),

payments as (
    select * from {{ ref('payment_postings') }}
    where hold_reason is null
),

decision_postings as (
    select * from {{ ref('decision_postings') }}
    where hold_reason is null
),

-- Debit positive at the receivable: a payment and a write-off lower it, a refund takes the payment back.
settlements as (
    select
        invoice_key as business_key,
        natural_id,
        'payment_received' as event,
        posting_date,
        'cash' as posting_role,
        cash_account as role_account,
        receivable_account,
        customer_id,
        -amount_minor as receivable_minor,
        paid_on as settled_on
    from payments
    union all
    select
        source_document as business_key,
        natural_id,
        event,
        posting_date,
        posting_role,
        role_account,
        receivable_account,
        customer_id,
        case when event = 'refund_issued' then amount_minor else -amount_minor end as receivable_minor,
        posting_date as settled_on
    from decision_postings
),

-- An invoice is settled at the rate that is frozen there.
sides as (
    {% for leg, account, customer, sign in [("posting_role", "role_account", "cast(null as varchar)", "-"), ("'receivable'", "receivable_account", "customer_id", "")] %}
        select
            business_key,
            natural_id,
            event,
            posting_date,
            {{ leg }} as leg,
            {{ account }} as account,
            {{ sign }}receivable_minor as signed_minor,
            {{ customer }} as customer_id,
            settled_on
        from settlements
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        sides.natural_id,
        sides.event,
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
        cast(sides.signed_minor as bigint) as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        documents.customer_id as document_customer_id,
        sides.customer_id,
        cast(null as varchar) as partner_entity,
        cast(null as varchar) as source_line_key,
        sides.settled_on as service_period_start,
        {{ add_days('sides.settled_on', 1) }} as service_period_end
    from sides
    inner join documents on sides.business_key = documents.business_key
    inner join document_accounts on sides.business_key = document_accounts.business_key
)

select * from final
