with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where kind = 'fee'
),

changed as (
    select
        billing_lines.*,
        {% if var('contract_change_policy') == 'prospective' %}
            case
                when document_type = 'credit_memo' and {{ month_start('posting_date') }} < service_period_end
                    then greatest(service_period_start, {{ month_start('posting_date') }})
                else service_period_start
            end as schedule_start
        {% else %}
            service_period_start as schedule_start
        {% endif %}
    from billing_lines
),

service_months as (
    select
        changed.*,
        {{ months_from(month_start('schedule_start'), month_start(add_days('service_period_end', -1))) }} as service_month
    from changed
),

-- By the days of each month, rounded on what is recognised up to its end, so that the parts are the whole.
cumulated as (
    select
        service_months.*,
        cast({{ half_up_quotient(
            "amount_minor * " ~ days_between('schedule_start', "least(" ~ add_months('service_month', 1) ~ ", service_period_end)"),
            days_between('schedule_start', 'service_period_end')
        ) }} as bigint) as recognised_through_minor
    from service_months
),

final as (
    select
        document_line_key,
        document_position,
        business_key as source_document,
        entity,
        currency,
        service_month,
        -- What is issued after its month was closed is recognised in the month of its document.
        greatest(service_month, {{ month_start('posting_date') }}) as recognition_month,
        recognised_through_minor - coalesce(
            lag(recognised_through_minor) over (partition by document_line_key order by service_month asc), 0
        ) as amount_minor
    from cumulated
)

select * from final
