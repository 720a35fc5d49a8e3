with

documents as (
    select * from {{ ref('canonical_documents') }}
    where document_type in ('invoice', 'credit_memo')
),

states as (
    select
        business_key,
        state
    from {{ ref('stg_register_closing__documents') }}
),

balances as (
    select * from {{ ref('invoice_balances') }}
),

-- What has not arrived is told by where it stands, and what has by what is still open of it.
judged as (
    select
        documents.entity,
        documents.period,
        documents.currency,
        documents.document_type,
        case
            when documents.hold_reason is not null then 'held'
            when states.state in ('rejected', 'parked', 'held') then states.state
            when states.state in ('pending', 'in_flight', 'ambiguous') then 'on_its_way'
            when documents.document_type = 'credit_memo' or documents.issue_event not in ('invoice_issued', 'opening_balance') then 'issued'
            when balances.written_off_minor <> 0 then 'written_off'
            when balances.remaining_minor > 0 and balances.remaining_minor < documents.total_minor then 'partly_settled'
            when balances.remaining_minor > 0 then 'open'
            when balances.credited_minor <> 0 and balances.paid_minor = 0 then 'credited'
            else 'settled'
        end as status,
        documents.total_minor,
        case
            when documents.document_type = 'invoice' and documents.issue_event in ('invoice_issued', 'opening_balance')
                then greatest(coalesce(balances.remaining_minor, 0), 0)
            else 0
        end as open_minor
    from documents
    left join states on documents.business_key = states.business_key
    left join balances on documents.business_key = balances.invoice_key
),

final as (
    select
        entity,
        period,
        currency,
        document_type,
        status,
        count(*) as document_count,
        {{ sum_whole('total_minor') }} as total_minor,
        {{ sum_whole('open_minor') }} as open_minor
    from judged
    group by
        entity,
        period,
        currency,
        document_type,
        status
)

select * from final
