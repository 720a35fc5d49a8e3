with recursive

aliases as (
    select * from {{ ref('stg_crm__key_aliases') }}
    where
        violation is null
        and kind <> 'customer'
),

walked_names as (
    select
        kind,
        new_key as stated_key,
        old_key as reached_key,
        1 as steps
    from aliases
    where kind in ('subscription', 'charge')
    union all
    select
        walked_names.kind,
        walked_names.stated_key,
        aliases.old_key as reached_key,
        walked_names.steps + 1 as steps
    from walked_names
    inner join aliases
        on
            walked_names.kind = aliases.kind
            and walked_names.reached_key = aliases.new_key
),

names as (
    select
        ranked.kind,
        ranked.stated_key,
        ranked.reached_key as stable_key
    from (
        select
            walked_names.*,
            row_number() over (partition by kind, stated_key order by steps desc) as recency
        from walked_names
    ) as ranked
    where ranked.recency = 1
),

-- Whatever name of the charge the alias of its dimensions states.
regrouped as (
    select
        coalesce(names.stable_key, {{ charge_of_key('aliases.old_key') }}) as charge_id,
        {{ dimensions_of_key('aliases.new_key') }} as dimensions,
        {{ dimensions_of_key('aliases.old_key') }} as former_dimensions
    from aliases
    left join names
        on
            {{ charge_of_key('aliases.old_key') }} = names.stated_key
            and names.kind = 'charge'
    where aliases.kind = 'dimension'
),

walked_dimensions as (
    select
        charge_id,
        dimensions,
        former_dimensions,
        1 as steps
    from regrouped
    union all
    select
        walked_dimensions.charge_id,
        walked_dimensions.dimensions,
        regrouped.former_dimensions,
        walked_dimensions.steps + 1 as steps
    from walked_dimensions
    inner join regrouped
        on
            walked_dimensions.charge_id = regrouped.charge_id
            and walked_dimensions.former_dimensions = regrouped.dimensions
),

dimensions as (
    select ranked.*
    from (
        select
            walked_dimensions.*,
            row_number() over (partition by charge_id, dimensions order by steps desc) as recency
        from walked_dimensions
    ) as ranked
    where ranked.recency = 1
),

final as (
    select
        kind,
        stated_key,
        stable_key,
        cast(null as varchar) as charge_id,
        cast(null as varchar) as dimensions,
        cast(null as varchar) as stable_dimensions
    from names
    union all
    select
        'dimension' as kind,
        {{ dbt.concat(["charge_id", "'/'", "dimensions"]) }} as stated_key,
        {{ dbt.concat(["charge_id", "case when former_dimensions = '' then '' else '/' || former_dimensions end"]) }} as stable_key,
        charge_id,
        dimensions,
        former_dimensions as stable_dimensions
    from dimensions
)

select * from final
