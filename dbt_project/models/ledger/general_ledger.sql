with

journal_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
    where state <> 'rejected'
),

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
    where violation is null
),

currencies as (
    select * from {{ ref('currencies') }}
),

final as (
    select
        journal_lines.entity,
        -- What is reposted is an entry of its own in the books.
        {{ of_revision('journal_lines.line_key') }} as line_key,
        {{ of_revision('journal_lines.natural_id') }} as natural_id,
        journal_lines.reference as entry_reference,
        documents.remote_number as erp_number,
        journal_lines.event,
        journal_lines.posting_date,
        journal_lines.period,
        journal_lines.account,
        accounts.account_name,
        accounts.account_type,
        journal_lines.dimensions,
        journal_lines.customer_id,
        journal_lines.partner_entity,
        journal_lines.source_document,
        journal_lines.source_line_key,
        journal_lines.currency,
        transaction_currency.exponent,
        cast(case when journal_lines.side = 'debit' then journal_lines.amount_minor else -journal_lines.amount_minor end as bigint) as signed_minor,
        entities.functional_currency,
        entities.functional_exponent,
        cast(case when journal_lines.side = 'debit' then journal_lines.functional_minor else -journal_lines.functional_minor end as bigint)
            as signed_functional_minor,
        journal_lines.state,
        journal_lines.document_position
    from journal_lines
    inner join documents on journal_lines.document_position = documents.document_position
    inner join entities on journal_lines.entity = entities.entity
    inner join currencies as transaction_currency on journal_lines.currency = transaction_currency.currency
    left join accounts
        on
            journal_lines.entity = accounts.entity
            and journal_lines.account = accounts.account_code
)

select * from final
