{%- set stated_share = blank_to_null('latest.transfer_share') %}
with

latest as (
    {{ latest_landed(source('raw_finance', 'intercompany_agreements'), ['entity_id', 'product', 'effective_from']) }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

typed as (
    select
        coalesce({{ blank_to_null('latest.entity_id') }}, '*') as entity,
        coalesce({{ blank_to_null('latest.product') }}, '*') as product,
        {{ blank_to_null('latest.selling_entity_id') }} as selling_entity,
        {{ stated_share }} as stated_share,
        case when {{ stated_share }} is null then cast(1 as {{ rate_type() }}) else {{ safe_cast_to(stated_share, rate_type()) }} end as transfer_share,
        {{ safe_cast_to(blank_to_null('latest.effective_from'), 'date') }} as effective_from,
        latest.file_name,
        latest.line_number
    from latest
),

final as (
    select
        typed.entity,
        typed.product,
        typed.selling_entity,
        typed.transfer_share,
        -- Nobody can say what a day that cannot be read leaves alone.
        coalesce(typed.effective_from, cast('1970-01-01' as date)) as effective_from,
        typed.file_name,
        typed.line_number,
        case
            when typed.effective_from is null then 'not_a_date'
            when typed.transfer_share is null then 'not_a_number'
            when typed.transfer_share < 0 or typed.transfer_share > 1 then 'not_a_share'
            when selling_entities.entity is null or (typed.entity <> '*' and contracting_entities.entity is null) then 'unknown_entity'
        end as violation
    from typed
    left join entities as selling_entities on typed.selling_entity = selling_entities.entity
    left join entities as contracting_entities on typed.entity = contracting_entities.entity
)

select * from final
