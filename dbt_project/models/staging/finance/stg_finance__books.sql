with

latest as (
    {{ latest_landed(source('raw_finance', 'books'), ['entity_id', 'book']) }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

words as (
    select * from {{ ref('reference_words') }}
    where source = 'books'
),

typed as (
    select
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('book') }} as book,
        lower({{ blank_to_null('fee_recognition') }}) as fee_recognition,
        file_name,
        line_number
    from latest
),

final as (
    select
        typed.entity,
        typed.book,
        typed.fee_recognition,
        typed.file_name,
        typed.line_number,
        case
            when typed.book is null then 'missing_key'
            when typed.book = '{{ primary_book() }}' then 'primary_book'
            when entities.entity is null then 'unknown_entity'
            when policies.word is null then 'unknown_word'
        end as violation
    from typed
    left join entities on typed.entity = entities.entity
    left join words as policies
        on
            policies.attribute = 'fee_recognition'
            and typed.fee_recognition = policies.word
)

select * from final
