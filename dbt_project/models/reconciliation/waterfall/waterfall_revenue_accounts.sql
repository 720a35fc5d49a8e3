{{ config(materialized='view') }}

with

canonical_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

revenue_movements as (
    select * from {{ ref('revenue_movements') }}
),

-- Those that are frozen on the lines, and those of what is earned without one.
final as (
    select
        entity,
        revenue_account as account
    from canonical_lines
    where
        kind <> 'prepaid'
        and revenue_account is not null
    union
    select
        entity,
        account
    from revenue_movements
)

select * from final
