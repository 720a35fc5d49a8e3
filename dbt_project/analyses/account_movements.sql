-- question: What moved an account?
-- grain: one row per event, source document and currency that posted to the account in the period; they add up to closing minus opening
-- parameter entity, required: legal entity
-- parameter account, required: account code
-- parameter period, optional: YYYY-MM (default: the last one posted)
with

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

documents as (
    select * from {{ ref('canonical_documents') }}
),

chosen as (
    select coalesce({{ parameter('period') }}, max(period)) as period
    from general_ledger
    where entity = {{ parameter('entity') }}
),

final as (
    select
        general_ledger.period,
        general_ledger.event,
        documents.number as source_number,
        general_ledger.source_document,
        general_ledger.customer_id,
        min(general_ledger.posting_date) as posting_date,
        count(*) as line_count,
        general_ledger.currency,
        cast(sum(general_ledger.signed_minor) as bigint) as amount_minor,
        general_ledger.functional_currency,
        cast(sum(general_ledger.signed_functional_minor) as bigint) as functional_amount_minor
    from general_ledger
    inner join chosen on general_ledger.period = chosen.period
    left join documents on general_ledger.source_document = documents.business_key
    where general_ledger.entity = {{ parameter('entity') }} and general_ledger.account = {{ parameter('account') }}
    group by all
)

select * from final
order by abs(functional_amount_minor) desc, event asc, source_document asc, customer_id asc, currency asc
