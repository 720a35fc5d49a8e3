with

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

held_lines as (
    select * from {{ ref('held_lines') }}
),

stopped_lines as (
    select
        line_key,
        min(cause) as cause
    from {{ ref('stopped_lines') }}
    group by line_key
),

opening_mirror as (
    select * from {{ ref('stg_register_opening__mirror') }}
),

billing_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

issued_lines as (
    select * from billing_lines
    where counts_as_issued
),

billed_before as (
    select * from {{ ref('stg_register_closing__openings') }}
    where opening = 'billed_line'
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

-- What this close took back in order to bill it again: the next one subtracts from what is left.
voided_lines as (
    select distinct billing_lines.line_key
    from billing_lines
    inner join opening_mirror on billing_lines.document_position > opening_mirror.mirrored_position
    where billing_lines.cause = 'void_and_rebill'
),

-- In the terms of the price: with its tax where the price includes it. What the former system billed of a period that ran out before the
-- cutover is compared where something is rated of it, and of one that runs over the cutover always.
issued_amounts as (
    select
        issued_lines.entity,
        issued_lines.billing_month,
        issued_lines.currency,
        issued_lines.line_key,
        {{ charged_amount('issued_lines.amount_minor', 'issued_lines.tax_minor', 'coalesce(line_deltas.tax_behavior, issued_lines.tax_behavior)') }} as charged_minor
    from issued_lines
    left join line_deltas on issued_lines.line_key = line_deltas.line_key
    union all
    select
        billed_before.entity,
        coalesce(line_deltas.billing_month, {{ month_start(add_days('billed_before.service_period_end', -1)) }}) as billing_month,
        billed_before.currency,
        billed_before.line_key,
        billed_before.amount_minor as charged_minor
    from billed_before
    inner join entities on billed_before.entity = entities.entity
    left join line_deltas on billed_before.line_key = line_deltas.line_key
    where
        line_deltas.line_key is not null
        or billed_before.service_period_end > {{ month_start('entities.cutover_on') }}
),

issued as (
    select
        entity,
        {{ period_of('billing_month') }} as period,
        'amount' as measure,
        currency as unit,
        line_key as subject,
        sum(charged_minor) as compared_value
    from issued_amounts
    group by
        entity,
        billing_month,
        currency,
        line_key
),

-- Held and stopped lines wait for a person; a late line waits for the close of the first open period; a decision gave back what a
-- correction would have. Each is listed with its amount.
rated as (
    select
        line_deltas.entity,
        {{ period_of('line_deltas.billing_month') }} as period,
        'amount' as measure,
        line_deltas.currency as unit,
        line_deltas.line_key as subject,
        line_deltas.rated_minor as compared_value,
        case
            when held_lines.line_key is not null then line_deltas.rated_minor - coalesce(issued.compared_value, 0)
            when stopped_lines.line_key is not null then line_deltas.rated_minor - coalesce(issued.compared_value, 0)
            when voided_lines.line_key is not null then line_deltas.rated_minor - coalesce(issued.compared_value, 0)
            when line_deltas.document_month > line_deltas.billing_month then line_deltas.rated_minor - coalesce(issued.compared_value, 0)
            else -line_deltas.absorbed_minor
        end as excused_value,
        case
            when held_lines.line_key is not null then {{ dbt.concat(["'held: '", "held_lines.hold_reason"]) }}
            when stopped_lines.line_key is not null then {{ dbt.concat(["'stopped by the run gate: '", "stopped_lines.cause"]) }}
            when voided_lines.line_key is not null then 'voided: to be billed again by the next close'
            when line_deltas.absorbed_minor <> 0 then 'credited by a decision'
            when
                line_deltas.document_month > line_deltas.billing_month
                and line_deltas.rated_minor <> coalesce(issued.compared_value, 0)
                then {{ dbt.concat(["'unbilled: to be issued in '", period_of('line_deltas.document_month')]) }}
        end as explanation,
        false as must_exist
    from line_deltas
    left join held_lines on line_deltas.line_key = held_lines.line_key
    left join stopped_lines on line_deltas.line_key = stopped_lines.line_key
    left join voided_lines on line_deltas.line_key = voided_lines.line_key
    left join issued
        on
            line_deltas.line_key = issued.subject
            and line_deltas.entity = issued.entity
            and line_deltas.currency = issued.unit
),

final as (
    {{ comparison('rated', 'issued', 'K3') }}
)

select * from final
