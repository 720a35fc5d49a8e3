with

billing_lines as (
    select * from {{ ref('stg_register_opening__billing_lines') }}
    where
        document_type = 'invoice'
        and counts_as_issued
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

converted as (
    select
        billing_lines.entity,
        billing_lines.customer_id,
        billing_lines.period,
        abs({{ apply_rate(
            'billing_lines.amount_minor',
            "cast(billing_lines.exchange_rate as " ~ rate_type() ~ ") * cast(functional.minor_units as decimal(4, 0)) * cast(transaction_currency.minor_unit_value as decimal(4, 3))"
        ) }}) as gross_minor
    from billing_lines
    inner join entities on billing_lines.entity = entities.entity
    inner join currencies as transaction_currency on billing_lines.currency = transaction_currency.currency
    inner join currencies as functional on billing_lines.functional_currency = functional.currency
    where
        billing_lines.period >= {{ period_of(add_months('entities.first_open_month', -3)) }}
        and billing_lines.period < {{ period_of('entities.first_open_month') }}
),

-- As a whole and by customer, as the gates are.
scoped as (
    select
        entity,
        '*' as customer_id,
        customer_id as billed_customer_id,
        period,
        gross_minor
    from converted
    union all
    select
        entity,
        customer_id,
        customer_id as billed_customer_id,
        period,
        gross_minor
    from converted
),

monthly as (
    select
        entity,
        customer_id,
        period,
        count(distinct billed_customer_id) as customer_count,
        {{ sum_whole('gross_minor') }} as gross_minor
    from scoped
    group by
        entity,
        customer_id,
        period
),

final as (
    select
        entity,
        customer_id,
        count(*) as norm_months,
        {{ sum_whole('customer_count') }} as norm_customers,
        {{ sum_whole('gross_minor') }} as norm_minor
    from monthly
    group by
        entity,
        customer_id
)

select * from final
