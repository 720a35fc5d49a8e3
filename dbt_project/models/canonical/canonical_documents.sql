with

register_documents as (
    select * from {{ ref('stg_register_issued__documents') }}
    where
        document_type in ('invoice', 'credit_memo')
        and state <> 'cancelled'
),

platform_documents as (
    select * from {{ ref('platform_documents') }}
),

-- What the former system issued: an open item is an invoice like any other, what is still to be served of one is no claim on anybody.
openings as (
    select * from {{ ref('stg_register_issued__openings') }}
    where opening in ('open_item', 'deferred_revenue')
),

final as (
    select
        business_key,
        'register' as issued_by,
        document_type,
        case when document_type = 'credit_memo' then 'credit_memo_issued' else 'invoice_issued' end as issue_event,
        natural_id,
        number,
        entity,
        period,
        document_date,
        posting_date,
        case when document_type = 'credit_memo' then {{ json_text('payload', 'invoice_key') }} else business_key end as invoice_key,
        {{ json_text('payload', 'customer_id') }} as customer_id,
        currency,
        {{ json_text('payload', 'functional_currency') }} as functional_currency,
        {{ json_text('payload', 'exchange_rate') }} as exchange_rate,
        case when document_type = 'credit_memo' then -total_minor else total_minor end as total_minor,
        remote_id,
        {{ json_text('payload', 'disposition') }} as disposition,
        cast(null as varchar) as hold_reason
    from register_documents
    union all
    select
        business_key,
        'platform' as issued_by,
        document_type,
        issue_event,
        natural_id,
        number,
        entity,
        period,
        document_date,
        posting_date,
        invoice_key,
        customer_id,
        currency,
        functional_currency,
        exchange_rate,
        total_minor,
        natural_id as remote_id,
        cast(null as varchar) as disposition,
        hold_reason
    from platform_documents
    union all
    select
        business_key,
        'opening' as issued_by,
        case when opening = 'open_item' then 'invoice' else 'opening' end as document_type,
        'opening_balance' as issue_event,
        natural_id,
        number,
        entity,
        period,
        document_date,
        posting_date,
        business_key as invoice_key,
        customer_id,
        currency,
        functional_currency,
        exchange_rate,
        amount_minor as total_minor,
        cast(null as varchar) as remote_id,
        cast(null as varchar) as disposition,
        cast(null as varchar) as hold_reason
    from openings
)

select * from final
