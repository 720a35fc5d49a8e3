with

merged_customers as (
    select * from {{ ref('stg_crm__merged_customers') }}
),

-- Every customer of a merge with whom it has become, and since when; itself from the beginning.
members as (
    select
        customer_id,
        survivor_id,
        effective_from
    from merged_customers
    union all
    select
        customer_id,
        customer_id as survivor_id,
        cast('1970-01-01' as date) as effective_from
    from merged_customers
    union
    select
        survivor_id as customer_id,
        survivor_id,
        cast('1970-01-01' as date) as effective_from
    from merged_customers
),

final as (
    select
        members.customer_id,
        claimants.customer_id as claimant_customer_id,
        min(greatest(members.effective_from, claimants.effective_from)) as effective_from
    from members
    inner join members as claimants on members.survivor_id = claimants.survivor_id
    where members.customer_id <> claimants.customer_id
    group by
        members.customer_id,
        claimants.customer_id
)

select * from final
