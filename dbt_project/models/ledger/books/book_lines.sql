{{ config(materialized='view') }}

with

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

adjustments as (
    select * from {{ ref('book_adjustments') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

secondary_books as (
    select
        book,
        entity
    from {{ ref('stg_finance__books') }}
    where violation is null
),

books as (
    select distinct
        '{{ primary_book() }}' as book,
        entity
    from general_ledger
    union all
    select
        book,
        entity
    from secondary_books
),

-- Every book has the entries of the ERP; what its policy changes comes beside them.
final as (
    select
        books.book,
        general_ledger.entity,
        general_ledger.natural_id,
        general_ledger.line_key,
        cast(null as varchar) as adjusts,
        general_ledger.entry_reference,
        general_ledger.erp_number,
        general_ledger.event,
        general_ledger.posting_date,
        general_ledger.period,
        general_ledger.account,
        general_ledger.account_name,
        general_ledger.account_type,
        general_ledger.dimensions,
        general_ledger.customer_id,
        general_ledger.source_document,
        general_ledger.source_line_key,
        general_ledger.currency,
        general_ledger.exponent,
        general_ledger.signed_minor,
        general_ledger.functional_currency,
        general_ledger.functional_exponent,
        general_ledger.signed_functional_minor,
        general_ledger.state
    from general_ledger
    inner join books on general_ledger.entity = books.entity
    union all
    select
        adjustments.book,
        adjustments.entity,
        adjustments.natural_id,
        adjustments.line_key,
        adjustments.adjusts,
        cast(null as varchar) as entry_reference,
        cast(null as varchar) as erp_number,
        adjustments.event,
        adjustments.posting_date,
        adjustments.period,
        adjustments.account,
        accounts.account_name,
        accounts.account_type,
        adjustments.dimensions,
        cast(null as varchar) as customer_id,
        adjustments.source_document,
        adjustments.source_line_key,
        adjustments.currency,
        adjustments.exponent,
        adjustments.signed_minor,
        adjustments.functional_currency,
        adjustments.functional_exponent,
        adjustments.signed_functional_minor,
        cast(null as varchar) as state
    from adjustments
    left join accounts
        on
            adjustments.entity = accounts.entity
            and adjustments.account = accounts.account_code
)

select * from final
