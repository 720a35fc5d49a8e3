with

journal_lines as (
    select * from {{ ref('journal_lines') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

entries as (
    select
        natural_id,
        entity,
        source_document,
        source_number,
        source_document_type,
        event,
        reverses,
        posting_date,
        period,
        currency,
        functional_currency,
        exchange_rate,
        document_customer_id as customer_id,
        max(case when customer_id is not null then 1 else 0 end) = 1 as has_party,
        count(*) as line_count,
        {{ sum_whole("case when side = 'debit' then amount_minor else 0 end") }} as debit_minor,
        {{ sum_whole("case when side = 'credit' then amount_minor else 0 end") }} as credit_minor,
        {{ sum_whole("case when side = 'debit' then functional_minor else 0 end") }} as functional_debit_minor,
        {{ sum_whole("case when side = 'credit' then functional_minor else 0 end") }} as functional_credit_minor
    from journal_lines
    group by
        natural_id,
        entity,
        source_document,
        source_number,
        source_document_type,
        event,
        reverses,
        posting_date,
        period,
        currency,
        functional_currency,
        exchange_rate,
        document_customer_id
),

final as (
    select
        entries.natural_id,
        -- What was carried over stands in the ERP: the former system has posted it.
        case when entries.event = 'opening_balance' then 'register' else entities.ledger end as system,
        {{ dbt.concat([
            "case when entries.event = 'opening_balance' then 'register' else entities.ledger end", "'/'", "entries.entity", "'/journal_entry/'", "entries.natural_id"
        ]) }} as business_key,
        entries.entity,
        entries.source_document,
        entries.source_number,
        entries.source_document_type,
        entries.event,
        entries.reverses,
        entries.posting_date,
        entries.period,
        entries.currency,
        entries.functional_currency,
        entries.exchange_rate,
        entries.customer_id,
        entries.has_party,
        entries.line_count,
        entries.debit_minor,
        entries.credit_minor,
        entries.functional_debit_minor,
        entries.functional_credit_minor
    from entries
    inner join entities on entries.entity = entities.entity
)

select * from final
