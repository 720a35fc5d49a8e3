with

documents as (
    select * from {{ ref('platform_documents') }}
),

invoices as (
    select * from {{ ref('platform_invoices') }}
),

balances as (
    select * from {{ ref('invoice_balances') }}
    where issued_by = 'platform'
),

usage_reports as (
    select * from {{ ref('stg_register_closing__usage_reports') }}
),

counted_usage as (
    select * from {{ ref('stg_platform__usage') }}
),

registered_customers as (
    select
        entity,
        natural_id as customer_id,
        max(remote_id) as remote_id
    from {{ ref('stg_register_closing__documents') }}
    where
        document_type = 'customer'
        and system = 'stripe'
    group by
        entity,
        natural_id
),

reported as (
    select
        usage_reports.entity,
        usage_reports.period,
        usage_reports.event_name,
        {{ dbt.concat([
            "coalesce(registered_customers.remote_id, usage_reports.customer_id)", "' '",
            "cast(usage_reports.window_start as varchar)", "'-'", "cast(usage_reports.window_end as varchar)"
        ]) }} as subject,
        sum(usage_reports.reported_value) as reported_value,
        {{ ordered_text('distinct usage_reports.customer_id', 'usage_reports.customer_id') }} as customers
    from usage_reports
    left join registered_customers
        on
            usage_reports.entity = registered_customers.entity
            and usage_reports.customer_id = registered_customers.customer_id
    group by
        usage_reports.entity,
        usage_reports.period,
        usage_reports.event_name,
        registered_customers.remote_id,
        usage_reports.customer_id,
        usage_reports.window_start,
        usage_reports.window_end
),

canonical as (
    select
        entity,
        period,
        'total issued by the platform' as measure,
        currency as unit,
        {{ dbt.concat(["natural_id", "' '", "coalesce(number, 'none')"]) }} as subject,
        total_minor as compared_value,
        0 as excused_value,
        case
            when held_total_minor is null then 'it was read before and is no longer there: ask the platform, nothing was taken back'
            when held_total_minor <> total_minor then 'it has changed since it was read first'
        end as explanation,
        true as must_exist
    from documents
    union all
    select
        balances.entity,
        balances.period,
        'amount due at the platform' as measure,
        balances.currency as unit,
        balances.invoice_key as subject,
        greatest(balances.remaining_minor, 0) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        false as must_exist
    from balances
    union all
    select
        entity,
        period,
        'usage reported' as measure,
        event_name as unit,
        subject,
        reported_value as compared_value,
        0 as excused_value,
        {{ dbt.concat(["'usage of '", "customers", "': what the platform counted may follow some minutes later'"]) }} as explanation,
        true as must_exist
    from reported
),

held_by_platform as (
    select
        entity,
        period,
        'total issued by the platform' as measure,
        currency as unit,
        {{ dbt.concat(["natural_id", "' '", "coalesce(number, 'none')"]) }} as subject,
        held_total_minor as compared_value
    from documents
    where held_total_minor is not null
    union all
    select
        invoices.entity,
        documents.period,
        'amount due at the platform' as measure,
        invoices.currency as unit,
        invoices.business_key as subject,
        case when invoices.is_void then 0 else invoices.current_remaining_minor end as compared_value
    from invoices
    inner join documents on invoices.business_key = documents.business_key
    where not invoices.is_vanished
    union all
    select
        entity,
        period,
        'usage reported' as measure,
        event_name as unit,
        {{ dbt.concat(["customer_remote_id", "' '", "cast(window_start as varchar)", "'-'", "cast(window_end as varchar)"]) }} as subject,
        counted as compared_value
    from counted_usage
),

final as (
    {{ comparison('canonical', 'held_by_platform', 'K4') }}
)

select * from final
