with recursive

aliases as (
    select * from {{ ref('stg_crm__key_aliases') }}
    where
        violation is null
        and kind = 'customer'
),

-- Whom a customer has become: a survivor may be merged itself, and no merge counts before the one that leads to it.
walked as (
    select
        old_key as customer_id,
        new_key as survivor_id,
        effective_from,
        1 as steps
    from aliases
    union all
    select
        walked.customer_id,
        aliases.new_key as survivor_id,
        greatest(walked.effective_from, aliases.effective_from) as effective_from,
        walked.steps + 1 as steps
    from walked
    inner join aliases on walked.survivor_id = aliases.old_key
),

final as (
    select
        customer_id,
        survivor_id,
        effective_from,
        lead(effective_from) over (partition by customer_id order by steps asc) as effective_to
    from walked
)

select * from final
