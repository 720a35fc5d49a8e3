with

journal_entries as (
    select * from {{ ref('journal_entries') }}
),

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
),

computed as (
    select
        entity,
        period,
        'sealed' as measure,
        currency as unit,
        {{ dbt.concat(["business_key", "' '", "cast(posting_date as varchar)"]) }} as subject,
        debit_minor as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from journal_entries
    union all
    select
        entity,
        period,
        'posted' as measure,
        'documents' as unit,
        business_key as subject,
        1 as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from journal_entries
),

held_by_register as (
    select
        entity,
        period,
        'sealed' as measure,
        currency as unit,
        {{ dbt.concat(["business_key", "' '", "cast(posting_date as varchar)"]) }} as subject,
        total_minor as compared_value
    from documents
    union all
    select
        entity,
        period,
        'posted' as measure,
        'documents' as unit,
        business_key as subject,
        case when state in ('posted', 'verified') then 1 else 0 end as compared_value
    from documents
),

final as (
    {{ comparison('computed', 'held_by_register', 'K6') }}
)

select * from final
