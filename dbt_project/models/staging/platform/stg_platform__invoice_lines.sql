{{ config(materialized='view') }}

with

lines as (
    select * from {{ source('platform', 'platform_invoice_lines') }}
),

invoices as (
    select * from {{ ref('stg_platform__invoices') }}
),

final as (
    select
        lines.entity,
        lines.remote_id,
        lines.remote_line_id,
        coalesce(lines.subscription_id, invoices.subscription_id) as subscription_id,
        lines.charge_id,
        lines.usage_type,
        {{ safe_cast_to('lines.quantity', quantity_type()) }} as quantity,
        lines.amount_minor,
        lines.tax_minor,
        cast({{ safe_cast_to('lines.tax_percentage', unit_price_type()) }} * cast(0.01 as decimal(3, 2)) as {{ rate_type() }}) as tax_rate,
        lines.period_start,
        lines.period_end,
        lines.description
    from lines
    inner join invoices
        on
            lines.entity = invoices.entity
            and lines.remote_id = invoices.remote_id
            and lines.read_id = invoices.first_read_id
)

select * from final
