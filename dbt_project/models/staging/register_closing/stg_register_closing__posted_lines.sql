{{ config(materialized='view') }}

with

journal_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
),

summary_lines as (
    select * from {{ source('register_closing', 'summary_lines') }}
),

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
    where state <> 'cancelled'
),

final as (
    select
        document_position,
        business_key,
        system,
        entity,
        period,
        posting_date,
        currency,
        reference,
        state,
        line_key,
        account,
        side,
        amount_minor,
        functional_minor,
        customer_id
    from journal_lines
    where line_key = posted_line_key
    union all
    select
        documents.document_position,
        documents.business_key,
        documents.system,
        documents.entity,
        documents.period,
        documents.posting_date,
        documents.currency,
        documents.reference,
        documents.state,
        summary_lines.line_key,
        summary_lines.account,
        summary_lines.side,
        summary_lines.amount_minor,
        summary_lines.functional_minor,
        summary_lines.customer_id
    from summary_lines
    inner join documents on summary_lines.document_position = documents.document_position
)

select * from final
