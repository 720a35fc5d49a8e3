with

legs as (
    {{ posting_legs(['document_legs', 'opening_legs', 'settlement_legs']) }}
),

documents as (
    select * from {{ ref('canonical_documents') }}
),

document_accounts as (
    select * from {{ ref('document_accounts') }}
),

periods as (
    select * from {{ ref('snapshot_periods') }}
    where
        event = 'receivables_revalued'
        and not is_sealed
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- What customers owe in another currency, as it stands on the last day, whatever is posted later.
receivables as (
    select
        coalesce(documents.invoice_key, legs.source_document) as invoice_key,
        legs.entity,
        periods.period,
        periods.last_day,
        legs.currency,
        legs.functional_currency,
        legs.account,
        legs.customer_id,
        legs.signed_minor,
        coalesce(
            legs.signed_functional_minor,
            {{ converted_minor('legs.signed_minor', 'legs.exchange_rate', 'transaction_currency', 'functional') }}
        ) as signed_functional_minor
    from legs
    inner join periods
        on
            legs.entity = periods.entity
            and legs.posting_date <= periods.last_day
    inner join currencies as transaction_currency on legs.currency = transaction_currency.currency
    inner join currencies as functional on legs.functional_currency = functional.currency
    left join documents on legs.source_document = documents.business_key
    where
        legs.customer_id is not null
        and legs.currency <> legs.functional_currency
),

final as (
    select
        receivables.entity,
        receivables.period,
        receivables.last_day,
        receivables.invoice_key,
        invoices.natural_id as invoice_natural_id,
        invoices.number,
        receivables.account,
        receivables.customer_id,
        receivables.currency,
        receivables.functional_currency,
        min(document_accounts.rounding_account) as rounding_account,
        min(document_accounts.receivable_dimensions) as receivable_dimensions,
        {{ sum_whole('receivables.signed_minor') }} as open_minor,
        {{ sum_whole('receivables.signed_functional_minor') }} as carried_functional_minor
    from receivables
    inner join documents as invoices on receivables.invoice_key = invoices.business_key
    left join document_accounts on receivables.invoice_key = document_accounts.business_key
    group by
        receivables.entity,
        receivables.period,
        receivables.last_day,
        receivables.invoice_key,
        invoices.natural_id,
        invoices.number,
        receivables.account,
        receivables.customer_id,
        receivables.currency,
        receivables.functional_currency
    having sum(receivables.signed_minor) <> 0
)

select * from final
