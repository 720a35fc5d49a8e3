with

spread_decisions as (
    select * from {{ ref('spread_decisions') }}
),

decisions as (
    select * from {{ ref('decisions') }}
    where hold_reason is null
),

final as (
    select
        spread_decisions.decision_id,
        spread_decisions.document_line_key,
        spread_decisions.remaining_minor,
        spread_decisions.remaining_tax_minor,
        spread_decisions.credit_minor,
        spread_decisions.credit_tax_minor
    from spread_decisions
    inner join decisions on spread_decisions.decision_id = decisions.decision_id
)

select * from final
