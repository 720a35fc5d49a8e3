with

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

mirror as (
    select * from {{ ref('stg_register_opening__mirror') }}
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where
        document_type = 'customer'
        and state <> 'cancelled'
),

currencies as (
    select * from {{ ref('currencies') }}
),

systems as (
    select
        entity,
        'stripe' as system
    from entities
    union all
    select
        entity,
        ledger as system
    from entities
),

addressed as (
    select
        systems.system,
        customers.customer_id,
        customers.entity,
        customers.currency,
        entities.first_open_month,
        {{ dbt.concat(["systems.system", "'/'", "customers.entity", "'/customer/'", "customers.customer_id"]) }} as business_key,
        cast({{ json_object({
            "customer_id": "customers.customer_id",
            "name": "coalesce(customers.customer_name, customers.customer_id)",
            "email": "customers.email",
            "country": "customers.country",
            "currency": "customers.currency",
            "tax_id": "customers.tax_id",
            "payment_term_days": "customers.payment_term_days",
        }) }} as varchar) as payload
    from customers
    inner join entities on customers.entity = entities.entity
    inner join currencies on customers.currency = currencies.currency
    inner join systems on customers.entity = systems.entity
),

members as (
    select
        'payload' as side,
        business_key,
        0 as document_position,
        0 as revision,
        {{ customer_content('payload') }} as content
    from addressed
    union all
    select
        'issued' as side,
        business_key,
        document_position,
        revision,
        {{ customer_content('payload') }} as content
    from issued_documents
),

latest_issued as (
    select
        ranked.business_key,
        ranked.document_position,
        ranked.revision,
        ranked.content
    from (
        select
            members.*,
            row_number() over (partition by business_key order by document_position desc) as recency
        from members
        where side = 'issued'
    ) as ranked
    where ranked.recency = 1
),

changed as (
    select
        addressed.*,
        coalesce(latest_issued.revision, 0) + 1 as revision,
        coalesce(latest_issued.document_position, 0) as register_head
    from addressed
    inner join members
        on
            addressed.business_key = members.business_key
            and members.side = 'payload'
    left join latest_issued on addressed.business_key = latest_issued.business_key
    where latest_issued.business_key is null or latest_issued.content <> members.content
),

final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        changed.system,
        changed.entity,
        'customer' as document_type,
        changed.customer_id as natural_id,
        changed.business_key,
        cast(changed.revision as integer) as revision,
        case when changed.revision = 1 then 'create' else 'update' end as operation,
        cast(null as varchar) as series,
        {{ add_days(add_months('changed.first_open_month', 1), -1) }} as document_date,
        {{ add_days(add_months('changed.first_open_month', 1), -1) }} as posting_date,
        {{ period_of('changed.first_open_month') }} as period,
        changed.currency,
        cast(0 as bigint) as total_minor,
        '[]' as depends_on,
        'personal' as sensitivity,
        'master_data' as cause,
        changed.business_key as subtracted_key,
        cast(changed.register_head as bigint) as register_head,
        mirror.incarnation as register_incarnation,
        changed.payload
    from changed
    cross join mirror
)

select * from final
