with

journal_entries as (
    select * from {{ ref('journal_entries') }}
),

sealed_entries as (
    select * from {{ ref('stg_register_closing__journal_entries') }}
),

computed as (
    select
        entity,
        period,
        'sealed' as measure,
        currency as unit,
        {{ dbt.concat(["natural_id", "' '", "cast(posting_date as varchar)"]) }} as subject,
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
        natural_id as subject,
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
        {{ dbt.concat(["natural_id", "' '", "cast(posting_date as varchar)"]) }} as subject,
        sum(debit_minor) as compared_value
    from sealed_entries
    group by
        entity,
        period,
        currency,
        natural_id,
        posting_date
    union all
    select
        entity,
        period,
        'posted' as measure,
        'documents' as unit,
        natural_id as subject,
        sum(case when state in ('posted', 'verified') then 1 else 0 end) as compared_value
    from sealed_entries
    group by
        entity,
        period,
        natural_id
),

final as (
    {{ comparison('computed', 'held_by_register', 'K6') }}
)

select * from final
