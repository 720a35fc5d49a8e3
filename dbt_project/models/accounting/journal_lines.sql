with

documents as (
    select * from {{ ref('canonical_documents') }}
    where hold_reason is null
),

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
),

revenue_schedule as (
    select * from {{ ref('revenue_schedule') }}
),

payments as (
    select * from {{ ref('payment_postings') }}
    where hold_reason is null
),

decision_postings as (
    select * from {{ ref('decision_postings') }}
    where hold_reason is null
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- Signed in the transaction currency: debit positive. Credit memos carry negative amounts and mirror invoices by themselves.
-- Only what is due is a receivable: what was drawn from prepaid credits is settled already.
receivables as (
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

receivable_legs as (
    select
        business_key as source_document,
        'issued' as event_suffix,
        posting_date,
        'receivable' as leg,
        min(receivable_account) as account,
        sum(signed_minor) as signed_minor,
        min(customer_id) as customer_id,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from receivables
    group by
        business_key,
        posting_date
),

credit_legs as (
    select
        business_key as source_document,
        'issued' as event_suffix,
        posting_date,
        {{ dbt.concat(["'credit:'", "grant_id"]) }} as leg,
        account,
        amount_minor as signed_minor,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from credit_applications
),

revenue_legs as (
    select
        business_key as source_document,
        'issued' as event_suffix,
        posting_date,
        {{ dbt.concat(["'line:'", "document_line_key"]) }} as leg,
        case when kind = 'fee' then deferred_account else revenue_account end as account,
        -amount_minor as signed_minor,
        cast(null as varchar) as customer_id,
        document_line_key as source_line_key,
        service_period_start,
        service_period_end
    from billing_lines
),

tax_legs as (
    select
        business_key as source_document,
        'issued' as event_suffix,
        posting_date,
        {{ dbt.concat(["'tax:'", "tax_code", "':'", decimal_text('tax_rate')]) }} as leg,
        min(tax_account) as account,
        -sum(tax_minor) as signed_minor,
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

recognised_lines as (
    select
        billing_lines.business_key as source_document,
        {{ dbt.concat(["'recognised:'", "revenue_schedule.recognition_period"]) }} as event_suffix,
        {{ add_days(add_months('revenue_schedule.recognition_month', 1), -1) }} as posting_date,
        billing_lines.document_line_key,
        billing_lines.deferred_account,
        billing_lines.revenue_account,
        revenue_schedule.amount_minor,
        billing_lines.service_period_start,
        billing_lines.service_period_end
    from revenue_schedule
    inner join billing_lines on revenue_schedule.document_line_key = billing_lines.document_line_key
),

recognition_legs as (
    select
        source_document,
        event_suffix,
        posting_date,
        {{ dbt.concat(["'deferred:'", "document_line_key"]) }} as leg,
        deferred_account as account,
        amount_minor as signed_minor,
        cast(null as varchar) as customer_id,
        document_line_key as source_line_key,
        service_period_start,
        service_period_end
    from recognised_lines
    union all
    select
        source_document,
        event_suffix,
        posting_date,
        {{ dbt.concat(["'line:'", "document_line_key"]) }} as leg,
        revenue_account as account,
        -amount_minor as signed_minor,
        cast(null as varchar) as customer_id,
        document_line_key as source_line_key,
        service_period_start,
        service_period_end
    from recognised_lines
),

-- Debit positive at the receivable: a payment and a write-off lower it, a refund takes the payment back.
settlements as (
    select
        invoice_key as source_document,
        event_suffix,
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
        source_document,
        event_suffix,
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
settlement_legs as (
    {% for leg, account, customer, sign in [("posting_role", "role_account", "cast(null as varchar)", "-"), ("'receivable'", "receivable_account", "customer_id", "")] %}
        select
            source_document,
            event_suffix,
            posting_date,
            {{ leg }} as leg,
            {{ account }} as account,
            {{ sign }}receivable_minor as signed_minor,
            {{ customer }} as customer_id,
            cast(null as varchar) as source_line_key,
            settled_on as service_period_start,
            {{ add_days('settled_on', 1) }} as service_period_end
        from settlements
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

legs as (
    select * from receivable_legs
    union all
    select * from credit_legs
    union all
    select * from revenue_legs
    union all
    select * from tax_legs
    union all
    select * from recognition_legs
    union all
    select * from settlement_legs
),

valued as (
    select
        -- What follows from a decision alone has its identity.
        case
            when {{ matches('legs.event_suffix', '^decision:') }} then legs.event_suffix
            else {{ dbt.concat(["documents.document_type", "':'", "documents.natural_id", "':'", "legs.event_suffix"]) }}
        end as natural_id,
        legs.source_document,
        documents.number as source_number,
        documents.document_type as source_document_type,
        documents.issue_event,
        legs.event_suffix,
        documents.entity,
        legs.posting_date,
        documents.currency,
        documents.functional_currency,
        documents.exchange_rate,
        rounding.rounding_account,
        legs.leg,
        legs.account,
        legs.signed_minor,
        -- The rate between minor units: 1 JPY is one minor unit, 1 USD is a hundred.
        {{ apply_rate(
            'legs.signed_minor',
            "cast(documents.exchange_rate as " ~ rate_type() ~ ") * cast(functional.minor_units as decimal(4, 0)) * cast(transaction_currency.minor_unit_value as decimal(4, 3))"
        ) }} as signed_functional_minor,
        documents.customer_id as document_customer_id,
        legs.customer_id,
        legs.source_line_key,
        legs.service_period_start,
        legs.service_period_end
    from legs
    inner join documents on legs.source_document = documents.business_key
    inner join currencies as transaction_currency on documents.currency = transaction_currency.currency
    inner join currencies as functional on documents.functional_currency = functional.currency
    inner join (
        select
            business_key,
            min(rounding_account) as rounding_account
        from billing_lines
        group by business_key
    ) as rounding on legs.source_document = rounding.business_key
    where legs.signed_minor <> 0
),

-- Converting each line rounds each line; what is left over is a line of its own, never hidden in another.
rounding_legs as (
    select
        natural_id,
        source_document,
        source_number,
        source_document_type,
        issue_event,
        event_suffix,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        rounding_account,
        'currency_rounding' as leg,
        rounding_account as account,
        cast(0 as bigint) as signed_minor,
        -sum(signed_functional_minor) as signed_functional_minor,
        document_customer_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from valued
    group by
        natural_id,
        source_document,
        source_number,
        source_document_type,
        issue_event,
        event_suffix,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        rounding_account,
        document_customer_id
    having sum(signed_functional_minor) <> 0
),

all_legs as (
    select * from valued
    union all
    select * from rounding_legs
),

final as (
    select
        {{ dbt.concat(["natural_id", "'#'", "leg"]) }} as line_key,
        natural_id,
        source_document,
        source_number,
        source_document_type,
        case
            when event_suffix = 'issued' then issue_event
            when {{ matches('event_suffix', '^paid:') }} then 'payment_received'
            when event_suffix = 'refunded' then 'refund_issued'
            when {{ matches('event_suffix', '^decision:') }} then 'write_off'
            else 'revenue_recognised'
        end as event,
        entity,
        posting_date,
        {{ period_of('posting_date') }} as period,
        currency,
        functional_currency,
        exchange_rate,
        account,
        case when signed_minor > 0 or (signed_minor = 0 and signed_functional_minor > 0) then 'debit' else 'credit' end as side,
        cast(abs(signed_minor) as bigint) as amount_minor,
        cast(abs(signed_functional_minor) as bigint) as functional_minor,
        cast(signed_minor as bigint) as signed_minor,
        cast(signed_functional_minor as bigint) as signed_functional_minor,
        leg = 'currency_rounding' as is_rounding,
        document_customer_id,
        customer_id,
        source_line_key,
        service_period_start,
        service_period_end
    from all_legs
)

select * from final
