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

receivable_valuations as (
    select * from {{ ref('receivable_valuations') }}
),

settlements as (
    select
        natural_id,
        entity,
        'payment_received' as event,
        'cash' as posting_role,
        cash_account as role_account,
        cash_dimensions as role_dimensions,
        cash_functional_minor,
        exchange_difference_minor,
        exchange_difference_account,
        exchange_difference_dimensions,
        paid_on as settled_on
    from payments
    union all
    select
        natural_id,
        entity,
        event,
        posting_role,
        role_account,
        role_dimensions,
        cast(null as bigint) as cash_functional_minor,
        cast(0 as bigint) as exchange_difference_minor,
        cast(null as varchar) as exchange_difference_account,
        cast(null as varchar) as exchange_difference_dimensions,
        posting_date as settled_on
    from decision_postings
),

valued as (
    select
        settlements.*,
        receivable_valuations.business_key,
        receivable_valuations.posting_date,
        receivable_valuations.receivable_account,
        document_accounts.receivable_dimensions,
        receivable_valuations.customer_id,
        receivable_valuations.signed_minor,
        receivable_valuations.signed_functional_minor
    from settlements
    inner join receivable_valuations
        on
            settlements.entity = receivable_valuations.entity
            and settlements.natural_id = receivable_valuations.natural_id
    inner join document_accounts on receivable_valuations.business_key = document_accounts.business_key
),

-- What faces the receivable is worth as much, but for money, which is worth what it was on its day.
sides as (
    select
        business_key,
        natural_id,
        event,
        posting_date,
        'receivable' as leg,
        receivable_account as account,
        receivable_dimensions as dimensions,
        signed_minor,
        signed_functional_minor,
        customer_id,
        settled_on
    from valued
    union all
    select
        business_key,
        natural_id,
        event,
        posting_date,
        posting_role as leg,
        role_account as account,
        role_dimensions as dimensions,
        -signed_minor as signed_minor,
        coalesce(cash_functional_minor, -signed_functional_minor) as signed_functional_minor,
        cast(null as varchar) as customer_id,
        settled_on
    from valued
    union all
    select
        business_key,
        natural_id,
        event,
        posting_date,
        'realised_exchange_difference' as leg,
        exchange_difference_account as account,
        exchange_difference_dimensions as dimensions,
        0 as signed_minor,
        -exchange_difference_minor as signed_functional_minor,
        cast(null as varchar) as customer_id,
        settled_on
    from valued
    where exchange_difference_minor <> 0
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
        sides.dimensions,
        cast(sides.signed_minor as bigint) as signed_minor,
        cast(sides.signed_functional_minor as bigint) as signed_functional_minor,
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
