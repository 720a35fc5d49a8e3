with

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

sealed_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
),

-- What is mapped is ours from then on, posted to or not: somebody else's entry may be the first one there.
claimed as (
    select
        entities.entity,
        mappings.account_code as account,
        {{ period_of('mappings.effective_from') }} as period
    from mappings
    inner join entities
        on
            mappings.entity = entities.entity
            or mappings.entity = '*'
    union all
    select
        entity,
        account,
        period
    from sealed_lines
),

final as (
    select
        entity,
        account,
        min(period) as first_period
    from claimed
    group by
        entity,
        account
)

select * from final
