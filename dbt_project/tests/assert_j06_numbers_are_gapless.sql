-- A missing number is a document that somebody may have removed; a number used twice is two documents.
with

numbered as (
    select
        entity,
        document_type,
        number,
        cast(right(number, 6) as integer) as serial_number
    from {{ ref('stg_register_closing__documents') }}
    where document_type in ('invoice', 'credit_memo')
)

select
    entity,
    document_type,
    count(*) as document_count,
    count(distinct number) as number_count,
    max(serial_number) as last_number
from numbered
group by
    entity,
    document_type
having
    count(*) <> count(distinct number)
    or count(*) <> max(serial_number)
    or min(serial_number) <> 1
