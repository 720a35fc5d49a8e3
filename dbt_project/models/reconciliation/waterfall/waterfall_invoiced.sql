{{ config(materialized='view') }}

{#- What the comparisons list on the way from rated to issued, by the words that they explain it with. -#}
{%- set held = "explanation like 'held: %' or explanation like 'stopped by the run gate: %' or explanation like 'usage held: %' or explanation like 'not rated here: %'" -%}

with

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

platform_rated_lines as (
    select * from {{ ref('platform_rated_lines') }}
),

rated_to_issued as (
    select * from {{ ref('k3_rated_to_issued') }}
),

rated_to_platform as (
    select * from {{ ref('k3_rated_to_platform') }}
),

documents as (
    select * from {{ ref('canonical_documents') }}
    where document_type <> 'opening' and issue_event <> 'opening_balance'
),

register_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

platform_lines as (
    select
        lines.*,
        documents.period,
        documents.currency,
        documents.status
    from {{ ref('platform_document_lines') }} as lines
    inner join {{ ref('platform_documents') }} as documents on lines.business_key = documents.business_key
),

openings as (
    select * from {{ ref('stg_register_closing__openings') }}
    where opening = 'billed_line'
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

compared as (
    select
        entity,
        period,
        unit,
        excused_value,
        coalesce(explanation, 'unbilled') as explanation,
        'unbilled' as otherwise
    from rated_to_issued
    union all
    select
        entity,
        period,
        unit,
        excused_value,
        coalesce(explanation, 'settled') as explanation,
        'settled_at_platform' as otherwise
    from rated_to_platform
),

-- In the terms of the price, with its tax where the price includes it; a line that counts as issued is compared with what is rated of its month.
document_lines as (
    select
        register_lines.entity,
        register_lines.period,
        {{ period_of('register_lines.billing_month') }} as billing_period,
        register_lines.currency,
        register_lines.document_type,
        register_lines.counts_as_issued,
        {{ charged_amount('register_lines.amount_minor', 'register_lines.tax_minor', 'coalesce(line_deltas.tax_behavior, register_lines.tax_behavior)') }}
            as charged_minor,
        register_lines.amount_minor,
        register_lines.tax_minor
    from register_lines
    left join line_deltas on register_lines.line_key = line_deltas.line_key
    union all
    select
        platform_lines.entity,
        platform_lines.period,
        {{ period_of('coalesce(platform_rated_lines.billing_month, platform_lines.billing_month)') }} as billing_period,
        platform_lines.currency,
        platform_lines.document_type,
        platform_lines.issue_event = 'invoice_issued' and platform_lines.status <> 'void' as counts_as_issued,
        platform_lines.amount_minor as charged_minor,
        platform_lines.amount_minor,
        platform_lines.tax_minor
    from platform_lines
    left join platform_rated_lines
        on
            platform_lines.entity = platform_rated_lines.entity
            and platform_lines.line_key = platform_rated_lines.line_key
),

-- As K3 compares it.
former_system as (
    select
        openings.entity,
        {{ period_of("coalesce(line_deltas.billing_month, " ~ month_start(add_days('openings.service_period_end', -1)) ~ ")") }} as period,
        openings.currency,
        openings.amount_minor
    from openings
    inner join entities on openings.entity = entities.entity
    left join line_deltas on openings.line_key = line_deltas.line_key
    where
        line_deltas.line_key is not null
        or openings.service_period_end > {{ month_start('entities.cutover_on') }}
),

final as (
    select
        entity,
        period,
        unit as currency,
        case
            when {{ held }} then 'held'
            when explanation = 'credited by a decision' then 'absorbed'
            else otherwise
        end as step,
        cast(-excused_value as bigint) as amount_minor
    from compared
    where excused_value <> 0
    union all
    select
        entity,
        period,
        currency,
        'former_system' as step,
        -amount_minor as amount_minor
    from former_system
    where amount_minor <> 0
    union all
    select
        entity,
        billing_period as period,
        currency,
        'other_periods' as step,
        -charged_minor as amount_minor
    from document_lines
    where
        counts_as_issued
        and billing_period <> period
    union all
    select
        entity,
        period,
        currency,
        case
            when not counts_as_issued then 'decisions'
            when document_type = 'invoice' then 'late_usage'
            else 'corrections'
        end as step,
        charged_minor as amount_minor
    from document_lines
    where
        not counts_as_issued
        or billing_period <> period
    union all
    select
        entity,
        period,
        currency,
        'tax' as step,
        amount_minor + tax_minor - charged_minor as amount_minor
    from document_lines
    where amount_minor + tax_minor <> charged_minor
    union all
    select
        entity,
        period,
        currency,
        'invoiced' as step,
        total_minor as amount_minor
    from documents
)

select * from final
