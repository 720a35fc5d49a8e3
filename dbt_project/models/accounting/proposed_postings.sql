with

journal_entries as (
    select * from {{ ref('journal_entries') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

sealed_entries as (
    select distinct
        entity,
        natural_id
    from {{ ref('stg_register_issued__journal_entries') }}
),

sealed_summaries as (
    select
        entity,
        subtracted_key,
        max(cast(split_part(natural_id, ':', 4) as integer)) as last_number,
        max(document_position) as register_head
    from {{ ref('stg_register_issued__documents') }}
    where {{ matches('natural_id', '^summary:') }}
    group by
        entity,
        subtracted_key
),

new_entries as (
    select
        journal_entries.*,
        entities.ledger,
        entities.posting_granularity = 'daily_summary' and journal_entries.event in {{ summarised_events() }} as is_summarised
    from journal_entries
    inner join entities on journal_entries.entity = entities.entity
    left join sealed_entries
        on
            journal_entries.entity = sealed_entries.entity
            and journal_entries.natural_id = sealed_entries.natural_id
    where sealed_entries.natural_id is null
),

-- What is summed up on a day already stays as it is; what comes later that day is a summary of its own.
numbered as (
    select
        new_entries.*,
        case
            when is_summarised then {{ dbt.concat(["'summary:'", "cast(posting_date as varchar)", "':'", "currency"]) }}
        end as summary_id
    from new_entries
),

final as (
    select
        numbered.entity,
        numbered.natural_id,
        numbered.is_summarised,
        case
            when numbered.is_summarised
                then {{ dbt.concat(["numbered.summary_id", "':'", "cast(coalesce(sealed_summaries.last_number, 0) + 1 as varchar)"]) }}
            else numbered.natural_id
        end as posting_id,
        case
            when numbered.is_summarised then {{ dbt.concat(["numbered.ledger", "'/'", "numbered.entity", "'/journal_entry/'", "numbered.summary_id"]) }}
            else numbered.business_key
        end as subtracted_key,
        cast(coalesce(sealed_summaries.register_head, 0) as bigint) as register_head
    from numbered
    left join sealed_summaries
        on
            numbered.entity = sealed_summaries.entity
            and sealed_summaries.subtracted_key = {{ dbt.concat(["numbered.ledger", "'/'", "numbered.entity", "'/journal_entry/'", "numbered.summary_id"]) }}
)

select * from final
