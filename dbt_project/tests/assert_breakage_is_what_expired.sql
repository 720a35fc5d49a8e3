-- What is earned twice, or before the right to it is gone, is still owed to the customer.
with

balances as (
    select * from {{ ref('credit_balances') }}
    where kind = 'paid'
),

recognised as (
    select
        source_document,
        sum(signed_minor) as broken_minor
    from {{ ref('journal_lines') }}
    where
        event = 'breakage_recognised'
        and line_key = {{ dbt.concat(["natural_id", "'#contract_liability'"]) }}
    group by source_document
),

held as (
    select distinct source_document
    from {{ ref('breakage_postings') }}
    where hold_reason is not null
)

select
    balances.entity,
    balances.grant_id,
    balances.expired_minor,
    coalesce(recognised.broken_minor, 0) as broken_minor
from balances
left join recognised on {{ dbt.concat(["'grant:'", "balances.grant_id"]) }} = recognised.source_document
left join held on {{ dbt.concat(["'grant:'", "balances.grant_id"]) }} = held.source_document
where
    coalesce(recognised.broken_minor, 0) <> balances.expired_minor
    and held.source_document is null
    and ('{{ var("breakage_policy") }}' = 'on_expiry' or coalesce(recognised.broken_minor, 0) > balances.expired_minor)
