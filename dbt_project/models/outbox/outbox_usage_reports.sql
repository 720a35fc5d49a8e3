with

usage_deltas as (
    select * from {{ ref('usage_deltas') }}
    where
        hold_reason is null
        and delta_value > 0
),

mirror as (
    select * from {{ ref('stg_register_opening__mirror') }}
),

heads as (
    {{ outbox_heads() }}
),

addressed as (
    select
        usage_deltas.*,
        {{ dbt.concat(["usage_key", "':'", "cast(report_count + 1 as varchar)"]) }} as natural_id,
        {{ dbt.concat(["'stripe/'", "entity", "'/usage/'", "usage_key"]) }} as subtracted_key,
        {{ add_days(add_months('document_month', 1), -1) }} as document_date
    from usage_deltas
),

final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        'stripe' as system,
        addressed.entity,
        'usage_report' as document_type,
        addressed.natural_id,
        {{ dbt.concat(["'stripe/'", "addressed.entity", "'/usage_report/'", "addressed.natural_id"]) }} as business_key,
        cast(1 as integer) as revision,
        'create' as operation,
        cast(null as varchar) as series,
        addressed.document_date,
        addressed.document_date as posting_date,
        {{ period_of('addressed.document_month') }} as period,
        addressed.currency,
        cast(0 as bigint) as total_minor,
        {{ dbt.concat(["'[\"stripe/'", "addressed.entity", "'/customer/'", "addressed.customer_id", "'\"]'"]) }} as depends_on,
        'internal' as sensitivity,
        case when addressed.report_count = 0 then 'usage' else 'late_usage' end as cause,
        addressed.subtracted_key,
        cast(coalesce(heads.register_head, 0) as bigint) as register_head,
        mirror.incarnation as register_incarnation,
        cast({{ json_object({
            "usage_key": "addressed.usage_key",
            "group_key": "addressed.group_key",
            "customer_id": "addressed.customer_id",
            "subscription_id": "addressed.subscription_id",
            "charge_id": "addressed.charge_id",
            "meter": "addressed.meter",
            "event_name": "addressed.event_name",
            "value": "cast(addressed.delta_value as varchar)",
            "quantity": decimal_text("addressed.quantity"),
            "scale": "addressed.reported_scale",
            "reported_before": "addressed.reported_value",
            "event_count": "addressed.event_count",
            "fingerprint": "addressed.fingerprint",
            "timestamp": epoch_seconds("addressed.reported_at"),
            "window_start": epoch_seconds("addressed.begins_at"),
            "window_end": epoch_seconds("addressed.ends_at"),
            "service_period_start": "cast(addressed.service_period_start as varchar)",
            "service_period_end": "cast(addressed.service_period_end as varchar)",
        }) }} as varchar) as payload
    from addressed
    cross join mirror
    left join heads on addressed.subtracted_key = heads.subtracted_key
)

select * from final
