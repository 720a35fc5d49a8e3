-- What two people decided is proposed to its amount, or says why not; anything else is a promise that nobody keeps.
with

proposed as (
    select
        decision_id,
        sum(amount_minor) as proposed_minor
    from {{ ref('proposed_credit_memo_lines') }}
    group by decision_id
),

stopped_gates as (
    select * from {{ ref('run_gates') }}
    where is_stopped
)

select
    decisions.decision_id,
    decisions.credit_minor,
    decisions.hold_reason,
    proposed.proposed_minor
from {{ ref('decisions') }} as decisions
left join proposed on decisions.decision_id = proposed.decision_id
left join stopped_gates
    on
        decisions.entity = stopped_gates.entity
        and decisions.cause = stopped_gates.cause
        and decisions.document_month = stopped_gates.document_month
where
    case when decisions.hold_reason is null and stopped_gates.cause is null then decisions.credit_minor end
    is distinct from proposed.proposed_minor
