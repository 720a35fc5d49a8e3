{{ config(materialized='view') }}

with

priced_lines as (
    select * from {{ ref('priced_lines') }}
),

line_discounts as (
    select * from {{ ref('line_discounts') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

final as (
    select
        priced_lines.line_key,
        priced_lines.kind,
        priced_lines.customer_id,
        priced_lines.entity,
        priced_lines.currency,
        priced_lines.country,
        priced_lines.subscription_id,
        priced_lines.charge_id,
        priced_lines.meter,
        priced_lines.product,
        priced_lines.tax_code,
        priced_lines.tax_behavior,
        priced_lines.description,
        priced_lines.period_start,
        priced_lines.service_period_start,
        priced_lines.service_period_end,
        priced_lines.billing_month,
        priced_lines.quantity,
        priced_lines.kept_quantity,
        priced_lines.event_count,
        priced_lines.price_version,
        cast(
            priced_lines.amount_precise - coalesce(line_discounts.discount_minor * cast(currencies.minor_unit_value as decimal(4, 3)), 0)
            as {{ precise_amount_type() }}
        ) as amount_precise,
        priced_lines.amount_minor as gross_minor,
        coalesce(line_discounts.discount_minor, 0) as discount_minor,
        priced_lines.amount_minor - coalesce(line_discounts.discount_minor, 0) as amount_minor,
        case
            when line_discounts.discount_minor is null then priced_lines.fingerprint
            else {{ digest(dbt.concat(["priced_lines.fingerprint", "'|-'", "cast(line_discounts.discount_minor as varchar)"])) }}
        end as fingerprint,
        priced_lines.hold_reason
    from priced_lines
    left join line_discounts on priced_lines.line_key = line_discounts.line_key
    left join currencies on priced_lines.currency = currencies.currency
)

select * from final
