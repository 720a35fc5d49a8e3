with

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

-- A parent is billed itself. Who it would pass the bill on to is not guessed, nor which of two that name each other pays.
final as (
    select
        customers.customer_id,
        coalesce(parents.customer_id, customers.customer_id) as bill_to_customer_id,
        coalesce(parents.entity, customers.entity) as bill_to_entity,
        coalesce(parents.currency, customers.currency) as bill_to_currency,
        customers.parent_customer_id is not null as has_parent,
        case
            when customers.violation is not null or parents.violation is not null then 'refused_customer'
            when customers.parent_customer_id is null then null
            when parents.customer_id is null then 'unknown_parent'
            when customers.parent_customer_id = customers.customer_id or parents.parent_customer_id = customers.customer_id then 'parent_cycle'
            when parents.parent_customer_id is not null then 'parent_chain'
        end as hold_reason
    from customers
    left join customers as parents on customers.parent_customer_id = parents.customer_id
)

select * from final
