with

journal_lines as (
    select * from {{ ref('journal_lines') }}
),

final as (
    select
        natural_id,
        -- What was carried over stands in the ERP: the former system has posted it.
        case when event = 'opening_balance' then 'register' else 'tryton' end as system,
        {{ dbt.concat(["case when event = 'opening_balance' then 'register/' else 'tryton/' end", "entity", "'/journal_entry/'", "natural_id"]) }} as business_key,
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
)

select * from final
