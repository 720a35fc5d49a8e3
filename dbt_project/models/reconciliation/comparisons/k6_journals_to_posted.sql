with

journal_entries as (
    select * from {{ ref('journal_entries') }}
),

sealed_entries as (
    select * from {{ ref('stg_register_closing__journal_entries') }}
),

corrections as (
    select * from {{ ref('stg_register_closing__documents') }}
    where
        cause in ({{ correction_causes() }})
        and state <> 'cancelled'
),

opening_documents as (
    select * from {{ ref('opening_documents') }}
),

openings as (
    select * from {{ ref('stg_register_closing__openings') }}
),

opened_entities as (
    select distinct entity from openings
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
    -- What two people approved as a correction is due like what was computed.
    union all
    select
        entity,
        period,
        'corrected' as measure,
        'documents' as unit,
        reference as subject,
        1 as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from corrections
    -- What is delivered of the former system is what two people approved of it, whatever is delivered since.
    {% for measure, unit, value in [('opening', 'currency', 'amount_minor'), ('opening carried', 'functional_currency', 'signed_functional_minor')] %}
        union all
        select
            opening_documents.entity,
            {{ period_of('opening_documents.opening_date') }} as period,
            '{{ measure }}' as measure,
            opening_documents.{{ unit }} as unit,
            opening_documents.business_key as subject,
            opening_documents.{{ value }} as compared_value,
            0 as excused_value,
            case
                when opened_entities.entity is null then 'opening_not_approved'
                when openings.business_key is null or openings.{{ value }} <> opening_documents.{{ value }} then 'opening_changed'
            end as explanation,
            true as must_exist
        from opening_documents
        left join opened_entities on opening_documents.entity = opened_entities.entity
        left join openings on opening_documents.business_key = openings.business_key
    {% endfor %}
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
        sum(case when state in ('posted', 'verified', 'reversed') then 1 else 0 end) as compared_value
    from sealed_entries
    group by
        entity,
        period,
        natural_id
    union all
    select
        entity,
        period,
        'corrected' as measure,
        'documents' as unit,
        reference as subject,
        case when state in ('posted', 'verified', 'reversed') then 1 else 0 end as compared_value
    from corrections
    {% for measure, unit, value in [('opening', 'currency', 'amount_minor'), ('opening carried', 'functional_currency', 'signed_functional_minor')] %}
        union all
        select
            entity,
            period,
            '{{ measure }}' as measure,
            {{ unit }} as unit,
            business_key as subject,
            {{ value }} as compared_value
        from openings
    {% endfor %}
),

final as (
    {{ comparison('computed', 'held_by_register', 'K6') }}
)

select * from final
