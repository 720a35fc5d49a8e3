with

candidates as (
    select * from {{ ref('invoice_line_candidates') }}
),

held_lines as (
    select * from {{ ref('held_lines') }}
),

stopped_gates as (
    select * from {{ ref('run_gates') }}
    where is_stopped
),

delta_causes as (
    select * from {{ ref('delta_causes') }}
),

rated_adjustments as (
    select
        line_key,
        decision_id,
        decision_reason
    from {{ ref('rated_adjustments') }}
    where decision_id is not null
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where document_type = 'invoice'
),

issued_counts as (
    select
        entity,
        subtracted_key,
        period,
        count(*) as issued_count
    from issued_documents
    group by
        entity,
        subtracted_key,
        period
),

free_lines as (
    select
        candidates.*,
        delta_causes.cause,
        rated_adjustments.decision_id,
        rated_adjustments.decision_reason,
        {{ dbt.concat(["'stripe/'", "candidates.entity", "'/account/'", "candidates.bill_to_customer_id"]) }} as subtracted_key,
        dense_rank() over (
            partition by
                candidates.entity,
                candidates.bill_to_customer_id,
                candidates.document_month,
                case when rated_adjustments.decision_id is null then 0 else 1 end
            order by case when candidates.is_due_early then 0 else 1 end asc, candidates.currency asc
        ) as document_rank
    from candidates
    inner join delta_causes on candidates.line_key = delta_causes.line_key
    left join rated_adjustments on candidates.line_key = rated_adjustments.line_key
    left join held_lines on candidates.line_key = held_lines.line_key
    left join stopped_gates
        on
            candidates.entity = stopped_gates.entity
            and delta_causes.cause = stopped_gates.cause
            and candidates.document_month = stopped_gates.document_month
            and stopped_gates.customer_id in ('*', candidates.customer_id)
    where
        held_lines.line_key is null
        and stopped_gates.cause is null
),

numbered as (
    select
        free_lines.*,
        case
            when free_lines.decision_id is not null then {{ decision_natural_id('free_lines.decision_id') }}
            else {{ dbt.concat(["free_lines.bill_to_customer_id", "':'", period_of('free_lines.document_month'), "':'", "cast(coalesce(issued_counts.issued_count, 0) + free_lines.document_rank as varchar)"]) }}
        end as natural_id
    from free_lines
    left join issued_counts
        on
            free_lines.entity = issued_counts.entity
            and free_lines.subtracted_key = issued_counts.subtracted_key
            and {{ period_of('free_lines.document_month') }} = issued_counts.period
),

final as (
    select
        numbered.*,
        {{ dbt.concat(["line_key", "'@'", "natural_id"]) }} as document_line_key
    from numbered
)

select * from final
