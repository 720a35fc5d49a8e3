with

latest as (
    {{ latest_landed(source('raw_finance', 'account_mappings'), ['mapping_id', 'mapping_version']) }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

words as (
    select * from {{ ref('reference_words') }}
    where source = 'account_mappings'
),

typed as (
    select
        mapping_id,
        coalesce({{ blank_to_null('mapping_version') }}, '1') as mapping_version,
        entity_id as entity,
        role as posting_role,
        coalesce({{ blank_to_null('event') }}, '*') as event,
        coalesce({{ blank_to_null('product') }}, '*') as product,
        coalesce(upper({{ blank_to_null('country') }}), '*') as country,
        account_code,
        {{ blank_to_null('dimensions') }} as delivered_dimensions,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        {{ safe_cast_to(blank_to_null('effective_to'), 'date') }} as effective_to,
        {{ blank_to_null('effective_to') }} is not null as has_end,
        file_name,
        line_number
    from latest
),

places as (
    select {{ whole_numbers_from(1, (largest_dimensions() | int) + 1) }} as place
),

dimensions as (
    select
        typed.mapping_id,
        typed.mapping_version,
        {{ trimmed("split_part(typed.delivered_dimensions, ';', places.place)") }} as dimension
    from typed
    cross join places
    where typed.delivered_dimensions is not null
),

-- By their names, so that one set of dimensions is one text.
canonical_dimensions as (
    select
        mapping_id,
        mapping_version,
        {{ ordered_text('dimension', 'dimension', ';') }} as dimensions,
        count(*) <> count(distinct split_part(dimension, '=', 1)) as states_a_name_twice,
        count(*) > {{ largest_dimensions() }} as states_too_many,
        sum(case when {{ matches('dimension', '^[a-z][a-z0-9_]*=[^=]+$') }} then 0 else 1 end) > 0 as states_no_value
    from dimensions
    where dimension <> ''
    group by
        mapping_id,
        mapping_version
),

judged as (
    select
        typed.*,
        canonical_dimensions.dimensions,
        case
            when typed.effective_from is null or (typed.has_end and typed.effective_to is null) then 'not_a_date'
            when typed.effective_to <= typed.effective_from then 'ends_before_it_starts'
            when roles.word is null or (typed.event <> '*' and events.word is null) then 'unknown_word'
            when typed.entity <> '*' and entities.entity is null then 'unknown_entity'
            when
                typed.delivered_dimensions is not null
                and (
                    canonical_dimensions.dimensions is null or canonical_dimensions.states_a_name_twice
                    or canonical_dimensions.states_too_many or canonical_dimensions.states_no_value
                )
                then 'malformed_dimensions'
            when typed.entity <> '*' and accounts.account_code is null then 'unknown_account'
            when typed.entity <> '*' and not accounts.is_active then 'inactive_account'
        end as own_violation,
        count(*) over (
            partition by typed.posting_role, typed.event, typed.product, typed.country, typed.entity, typed.effective_from
        ) as mappings_of_the_day
    from typed
    left join canonical_dimensions
        on
            typed.mapping_id = canonical_dimensions.mapping_id
            and typed.mapping_version = canonical_dimensions.mapping_version
    left join entities on typed.entity = entities.entity
    left join accounts
        on
            typed.entity = accounts.entity
            and typed.account_code = accounts.account_code
    left join words as roles
        on
            typed.posting_role = roles.word
            and roles.attribute = 'role'
    left join words as events
        on
            typed.event = events.word
            and events.attribute = 'event'
),

final as (
    select
        mapping_id,
        mapping_version,
        entity,
        posting_role,
        event,
        product,
        country,
        account_code,
        dimensions,
        effective_from,
        effective_to,
        file_name,
        line_number,
        coalesce(own_violation, case when mappings_of_the_day > 1 then 'ambiguous_account_mapping' end) as violation
    from judged
)

select * from final
