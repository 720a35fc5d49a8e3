with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where kind <> 'prepaid'
),

served_revenue as (
    select * from {{ ref('served_revenue') }}
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
    where kind = 'promotional'
),

unbilled_items as (
    select * from {{ ref('unbilled_items') }}
),

breakage as (
    select * from {{ ref('breakage_postings') }}
    where hold_reason is null
),

periods as (
    select * from {{ ref('sub_ledger_periods') }}
),

-- Signed as revenue is. What a line bills is earned by its last day; a fee is earned month by month; credits that were given away reduce revenue
-- with the document that draws them.
combined as (
    select
        entity,
        period,
        {{ period_of(add_days('service_period_end', -1)) }} as service_period,
        'usage' as earned_by,
        revenue_account as account,
        product,
        customer_id,
        currency,
        amount_minor
    from billing_lines
    where kind <> 'fee'
    union all
    select
        billing_lines.entity,
        {{ period_of('served_revenue.recognition_month') }} as period,
        {{ period_of('served_revenue.service_month') }} as service_period,
        'schedule' as earned_by,
        billing_lines.revenue_account as account,
        billing_lines.product,
        billing_lines.customer_id,
        billing_lines.currency,
        served_revenue.amount_minor
    from served_revenue
    inner join billing_lines on served_revenue.document_line_key = billing_lines.document_line_key
    union all
    select
        entity,
        period,
        period as service_period,
        'promotional_credit' as earned_by,
        account,
        '*' as product,
        customer_id,
        currency,
        -amount_minor as amount_minor
    from credit_applications
    -- What is served and not billed yet is earned until it is taken back, on the day after.
    {% for period, sign in [("period", ""), (period_of(add_months("cast(" ~ dbt.concat(["period", "'-01'"]) ~ " as date)", 1)), "-")] %}
        union all
        select
            entity,
            {{ period }} as period,
            period as service_period,
            'accrual' as earned_by,
            revenue_account as account,
            product,
            customer_id,
            currency,
            {{ sign }}amount_minor{{ ' as amount_minor' if sign }}
        from unbilled_items
    {% endfor %}
    union all
    select
        entity,
        period,
        period as service_period,
        'breakage' as earned_by,
        breakage_revenue_account as account,
        product,
        customer_id,
        currency,
        amount_minor
    from breakage
),

final as (
    select
        combined.entity,
        combined.period,
        combined.service_period,
        combined.earned_by,
        combined.account,
        coalesce(combined.product, '*') as product,
        combined.customer_id,
        combined.currency,
        {{ sum_whole('combined.amount_minor') }} as amount_minor
    from combined
    -- What is to be earned later is deferred revenue.
    inner join periods
        on
            combined.entity = periods.entity
            and combined.period = periods.period
    group by
        combined.entity,
        combined.period,
        combined.service_period,
        combined.earned_by,
        combined.account,
        coalesce(combined.product, '*'),
        combined.customer_id,
        combined.currency
)

select * from final
