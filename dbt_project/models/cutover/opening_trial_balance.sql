with

opening_documents as (
    select * from {{ ref('opening_documents') }}
    where opening <> 'billed_line'
),

delivered_balances as (
    select * from {{ ref('stg_cutover__balances') }}
    where violation is null
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- Nothing is compared with a trial balance that was not delivered.
compared_entities as (
    select distinct entity from delivered_balances
),

opened as (
    select
        entity,
        coalesce(account, 'unmapped') as account,
        currency,
        count(*) as document_count,
        {{ sum_whole('signed_minor') }} as opened_minor,
        {{ sum_whole('signed_functional_minor') }} as opened_functional_minor
    from opening_documents
    group by
        entity,
        coalesce(account, 'unmapped'),
        currency
),

compared as (
    select
        coalesce(opened.entity, delivered_balances.entity) as entity,
        coalesce(opened.account, delivered_balances.account_code) as account,
        coalesce(opened.currency, delivered_balances.currency) as currency,
        coalesce(opened.document_count, 0) as document_count,
        coalesce(opened.opened_minor, 0) as opened_minor,
        coalesce(opened.opened_functional_minor, 0) as opened_functional_minor,
        coalesce(delivered_balances.amount_minor, 0) as delivered_minor,
        coalesce(delivered_balances.functional_minor, 0) as delivered_functional_minor
    from opened
    full outer join delivered_balances
        on
            opened.entity = delivered_balances.entity
            and opened.account = delivered_balances.account_code
            and opened.currency = delivered_balances.currency
),

final as (
    select
        compared.entity,
        compared.account,
        compared.currency,
        currencies.exponent as currency_exponent,
        cast(compared.document_count as bigint) as document_count,
        compared.opened_minor,
        compared.opened_functional_minor,
        compared.delivered_minor,
        compared.delivered_functional_minor,
        compared_entities.entity is not null as is_compared,
        compared_entities.entity is not null
        and (
            compared.opened_minor <> compared.delivered_minor
            or compared.opened_functional_minor <> compared.delivered_functional_minor
        ) as is_break
    from compared
    inner join currencies on compared.currency = currencies.currency
    left join compared_entities on compared.entity = compared_entities.entity
)

select * from final
