with

latest as (
    {{ latest_landed(source('raw_finance', 'foreign_entries'), ['entity_id', 'entry_number', 'posting_date']) }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

typed as (
    select
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('entry_number') }} as entry_number,
        {{ safe_cast_to(blank_to_null('posting_date'), 'date') }} as posting_date,
        {{ safe_cast_to(blank_to_null('amount'), quantity_type()) }} as amount,
        {{ blank_to_null('reason') }} as reason,
        {{ blank_to_null('owner') }} as owner,
        lower(coalesce({{ blank_to_null('status') }}, 'listed')) as status,
        landed_on,
        file_name,
        line_number
    from latest
),

valued as (
    select
        typed.*,
        entities.functional_minor_units,
        -- Beyond this the amount would not fit.
        case
            when abs(typed.amount) < 1000000000000
                then {{ to_minor('typed.amount', 'entities.functional_minor_units') }}
        end as amount_minor,
        entities.entity is not null as is_known_entity
    from typed
    left join entities on typed.entity = entities.entity
),

final as (
    select
        entity,
        entry_number,
        posting_date,
        amount,
        amount_minor,
        reason,
        owner,
        status,
        landed_on,
        file_name,
        line_number,
        case
            when not is_known_entity then 'unknown_entity'
            when entry_number is null then 'missing_entry_number'
            when posting_date is null then 'not_a_date'
            when amount is null then 'not_a_number'
            when amount <= 0 then 'not_positive'
            when amount_minor is null then 'amount_out_of_range'
            when amount * cast(functional_minor_units as decimal(4, 0)) <> amount_minor then 'fraction_of_minor_unit'
            when status not in ('listed', 'withdrawn') then 'unknown_word'
            when reason is null or owner is null then 'missing_reason_or_owner'
        end as violation
    from valued
)

select * from final
