with

rated_lines as (
    select * from {{ ref('platform_rated_lines') }}
),

platform_lines as (
    select
        lines.entity,
        coalesce(lines.line_key, lines.document_line_key) as line_key,
        lines.billing_month,
        lines.amount_minor,
        documents.currency,
        documents.status
    from {{ ref('platform_document_lines') }} as lines
    inner join {{ ref('platform_documents') }} as documents on lines.business_key = documents.business_key
    where lines.issue_event = 'invoice_issued'
),

held_reports as (
    select * from {{ ref('held_usage_reports') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- Only rating is compared here: what the platform credits is a decision of somebody, and a voided invoice asks for nothing.
invoiced as (
    select
        entity,
        line_key,
        min(billing_month) as billing_month,
        min(currency) as currency,
        {{ sum_whole("case when status <> 'void' then amount_minor else 0 end") }} as amount_minor,
        {{ sum_whole("case when status <> 'void' then 1 else 0 end") }} as line_count,
        {{ sum_whole("case when status = 'void' then 1 else 0 end") }} as voided_count
    from platform_lines
    group by
        entity,
        line_key
),

compared as (
    select
        rated_lines.entity,
        rated_lines.billing_month,
        rated_lines.currency,
        rated_lines.line_key,
        coalesce(rated_lines.amount_minor, 0) as rated_minor,
        coalesce(invoiced.amount_minor, 0) as invoiced_minor,
        coalesce(rated_lines.amount_minor, 0) - coalesce(invoiced.amount_minor, 0) as difference_minor,
        case
            when rated_lines.hold_reason is not null then {{ dbt.concat(["'not rated here: '", "rated_lines.hold_reason"]) }}
            when held_reports.hold_reason is not null then {{ dbt.concat(["'usage held: '", "held_reports.hold_reason"]) }}
            when rated_lines.is_closed then 'arose after the close: settled at the platform'
            when coalesce(invoiced.line_count, 0) = 0 and coalesce(invoiced.voided_count, 0) > 0 then 'voided by the platform'
            -- The platform rounds every line it makes; each can be off by less than one minor unit.
            when
                coalesce(invoiced.line_count, 0) > 0
                and abs(rated_lines.amount_precise * cast(currencies.minor_units as decimal(4, 0)) - invoiced.amount_minor) < invoiced.line_count
                then 'rounding of the platform'
        end as excuse,
        case
            when coalesce(invoiced.line_count, 0) = 0 then 'not invoiced by the platform yet: close again once it has'
            else 'rated otherwise by the platform: compare its price and its usage with ours'
        end as break_reason
    from rated_lines
    left join invoiced
        on
            rated_lines.entity = invoiced.entity
            and rated_lines.line_key = invoiced.line_key
    left join held_reports on rated_lines.line_key = held_reports.usage_key
    left join currencies on rated_lines.currency = currencies.currency
),

rated as (
    select
        entity,
        {{ period_of('billing_month') }} as period,
        'amount rated by the platform' as measure,
        currency as unit,
        line_key as subject,
        rated_minor as compared_value,
        case when excuse is not null then difference_minor else 0 end as excused_value,
        case when difference_minor <> 0 then coalesce(excuse, break_reason) end as explanation,
        false as must_exist
    from compared
),

by_platform as (
    select
        invoiced.entity,
        {{ period_of("coalesce(rated_lines.billing_month, invoiced.billing_month)") }} as period,
        'amount rated by the platform' as measure,
        invoiced.currency as unit,
        invoiced.line_key as subject,
        invoiced.amount_minor as compared_value
    from invoiced
    left join rated_lines
        on
            invoiced.entity = rated_lines.entity
            and invoiced.line_key = rated_lines.line_key
    where
        invoiced.amount_minor <> 0
        or rated_lines.line_key is not null
),

final as (
    {{ comparison('rated', 'by_platform', 'K3') }}
)

select * from final
