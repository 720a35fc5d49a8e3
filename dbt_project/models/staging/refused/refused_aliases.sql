with

refused as (
    select * from {{ ref('stg_crm__key_aliases') }}
    where violation is not null
),

stable_keys as (
    select * from {{ ref('stg_crm__stable_keys') }}
),

-- A renamed key may be billed under either name; what a merge leaves as it was is billed as ever.
combined as (
    select
        kind,
        old_key as refused_key,
        case when kind = 'customer' then effective_from end as effective_from
    from refused
    where kind <> 'dimension'
    union all
    select
        kind,
        new_key as refused_key,
        cast(null as date) as effective_from
    from refused
    where kind in ('subscription', 'charge')
    union all
    select
        'charge' as kind,
        {{ charge_of_key('old_key') }} as refused_key,
        cast(null as date) as effective_from
    from refused
    where kind = 'dimension'
),

-- Lines have the name that was the first.
final as (
    select
        combined.kind,
        coalesce(stable_keys.stable_key, combined.refused_key) as refused_key,
        min(coalesce(combined.effective_from, cast('1970-01-01' as date))) as effective_from
    from combined
    left join stable_keys
        on
            combined.kind = stable_keys.kind
            and combined.refused_key = stable_keys.stated_key
    group by
        combined.kind,
        coalesce(stable_keys.stable_key, combined.refused_key)
)

select * from final
