with

gated_lines as (
    select * from {{ ref('gated_lines') }}
),

stopped_gates as (
    select * from {{ ref('run_gates') }}
    where is_stopped
),

-- A line may be in two gates, that of its entity and that of its customer; what is approved first is the smaller.
stopped as (
    select
        gated_lines.gated_key,
        gated_lines.line_key,
        gated_lines.entity,
        gated_lines.document_month,
        gated_lines.cause,
        gated_lines.customer_id,
        gated_lines.currency,
        gated_lines.signed_minor,
        stopped_gates.plan_hash,
        row_number() over (
            partition by gated_lines.gated_key, gated_lines.cause
            order by case when stopped_gates.customer_id = '*' then 1 else 0 end asc
        ) as preference
    from gated_lines
    inner join stopped_gates
        on
            gated_lines.entity = stopped_gates.entity
            and gated_lines.document_month = stopped_gates.document_month
            and gated_lines.cause = stopped_gates.cause
            and stopped_gates.customer_id in ('*', gated_lines.customer_id)
),

final as (
    select
        line_key,
        entity,
        document_month,
        cause,
        min(customer_id) as customer_id,
        min(currency) as currency,
        {{ sum_whole('signed_minor') }} as stopped_minor,
        min(plan_hash) as plan_hash
    from stopped
    where preference = 1
    group by
        line_key,
        entity,
        document_month,
        cause
)

select * from final
