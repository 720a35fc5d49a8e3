with

gated_lines as (
    select * from {{ ref('gated_lines') }}
),

stopped_gates as (
    select * from {{ ref('run_gates') }}
    where is_stopped
),

final as (
    select
        gated_lines.line_key,
        gated_lines.entity,
        gated_lines.document_month,
        gated_lines.cause,
        min(gated_lines.customer_id) as customer_id,
        min(gated_lines.currency) as currency,
        {{ sum_whole('gated_lines.signed_minor') }} as stopped_minor,
        min(stopped_gates.plan_hash) as plan_hash
    from gated_lines
    inner join stopped_gates
        on
            gated_lines.entity = stopped_gates.entity
            and gated_lines.document_month = stopped_gates.document_month
            and gated_lines.cause = stopped_gates.cause
    group by
        gated_lines.line_key,
        gated_lines.entity,
        gated_lines.document_month,
        gated_lines.cause
)

select * from final
