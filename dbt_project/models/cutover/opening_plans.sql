with

opening_documents as (
    select * from {{ ref('opening_documents') }}
),

trial_balance as (
    select * from {{ ref('opening_trial_balance') }}
),

openings as (
    select * from {{ ref('stg_register_opening__openings') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

delivered as (
    {% for model in ['open_items', 'deferred_revenue', 'billed_lines', 'balances'] %}
        select
            entity,
            violation
        from {{ ref('stg_cutover__' ~ model) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

refused as (
    select
        entity,
        {{ sum_whole('case when violation is null then 0 else 1 end') }} as refused_count
    from delivered
    group by entity
),

proposed as (
    select
        entity,
        count(*) as document_count,
        {{ sum_whole('case when hold_reason is null then 0 else 1 end') }} as held_count,
        {{ sum_whole('-signed_functional_minor') }} as equity_functional_minor
    from opening_documents
    group by entity
),

differing as (
    select
        entity,
        {{ sum_whole('case when is_break then 1 else 0 end') }} as break_count
    from trial_balance
    group by entity
),

sealed as (
    select
        entity,
        count(*) as sealed_count
    from openings
    group by entity
),

final as (
    select
        entities.entity,
        {{ month_start('entities.cutover_on') }} as opening_date,
        cast(coalesce(proposed.document_count, 0) as bigint) as document_count,
        coalesce(refused.refused_count, 0) as refused_count,
        coalesce(proposed.held_count, 0) as held_count,
        coalesce(differing.break_count, 0) as break_count,
        coalesce(proposed.equity_functional_minor, 0) as equity_functional_minor,
        cast(coalesce(sealed.sealed_count, 0) as bigint) as sealed_count,
        -- Nothing is issued before what the former system has issued is known.
        case
            when sealed.entity is not null then null
            when refused.refused_count > 0 or proposed.held_count > 0 then 'opening_refused'
            when differing.break_count > 0 then 'opening_differs'
            when proposed.entity is not null then 'opening_not_approved'
        end as hold_reason
    from entities
    left join refused on entities.entity = refused.entity
    left join proposed on entities.entity = proposed.entity
    left join differing on entities.entity = differing.entity
    left join sealed on entities.entity = sealed.entity
    where coalesce(refused.entity, sealed.entity) is not null
)

select * from final
