with

candidates as (
    select * from {{ ref('invoice_line_candidates') }}
),

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

usage_spikes as (
    select * from {{ ref('usage_spikes') }}
    where not is_approved
),

-- An approved adjustment is a document of its own: it waits for no other, and no other waits for it.
own_documents as (
    select
        line_key,
        decision_id
    from {{ ref('rated_adjustments') }}
    where decision_id is not null
),

reasons as (
    select * from {{ ref('reasons') }}
),

own_reasons as (
    select
        line_deltas.line_key,
        line_deltas.customer_id,
        line_deltas.bill_to_customer_id,
        line_deltas.entity,
        line_deltas.currency,
        line_deltas.billing_month,
        line_deltas.document_month,
        coalesce(line_deltas.is_due_early, false) as is_due_early,
        coalesce(own_documents.decision_id, '') as decision_id,
        line_deltas.kind,
        line_deltas.charge_id,
        line_deltas.service_period_start,
        line_deltas.quantity,
        line_deltas.delta_minor,
        coalesce(line_deltas.hold_reason, candidates.hold_reason, case when usage_spikes.line_key is not null then 'usage_spike' end) as hold_reason
    from line_deltas
    left join candidates on line_deltas.line_key = candidates.line_key
    left join own_documents on line_deltas.line_key = own_documents.line_key
    -- What takes a spike back waits for nobody.
    left join usage_spikes
        on
            line_deltas.line_key = usage_spikes.line_key
            and line_deltas.delta_minor > 0
    where
        line_deltas.hold_reason is not null
        or candidates.hold_reason is not null
        or usage_spikes.line_key is not null
),

-- Billed by the former system, or of no value: nothing waits for a decision.
waiting as (
    select
        own_reasons.*,
        own_reasons.hold_reason not in ('before_cutover', 'billed_by_former_system') as blocks_document
    from own_reasons
),

held_documents as (
    select
        bill_to_customer_id,
        entity,
        document_month,
        is_due_early,
        decision_id,
        min(hold_reason) as hold_reason
    from waiting
    where blocks_document
    group by
        bill_to_customer_id,
        entity,
        document_month,
        is_due_early,
        decision_id
),

-- A document waits as a whole, with the lines of all customers on it: billing half of a month would ask for two invoices.
companions as (
    select
        line_deltas.line_key,
        line_deltas.customer_id,
        line_deltas.bill_to_customer_id,
        line_deltas.entity,
        line_deltas.currency,
        line_deltas.billing_month,
        line_deltas.document_month,
        held_documents.is_due_early,
        held_documents.decision_id,
        line_deltas.kind,
        line_deltas.charge_id,
        line_deltas.service_period_start,
        line_deltas.quantity,
        line_deltas.delta_minor,
        held_documents.hold_reason,
        false as blocks_document
    from line_deltas
    left join own_documents on line_deltas.line_key = own_documents.line_key
    inner join held_documents
        on
            line_deltas.bill_to_customer_id = held_documents.bill_to_customer_id
            and line_deltas.entity = held_documents.entity
            and line_deltas.document_month = held_documents.document_month
            and coalesce(line_deltas.is_due_early, false) = held_documents.is_due_early
            and coalesce(own_documents.decision_id, '') = held_documents.decision_id
    where
        line_deltas.delta_minor <> 0
        and line_deltas.line_key not in (select waiting.line_key from waiting)
),

combined as (
    select * from waiting
    union all
    select * from companions
),

final as (
    select
        combined.line_key,
        combined.customer_id,
        combined.bill_to_customer_id,
        combined.entity,
        combined.currency,
        combined.billing_month,
        combined.document_month,
        combined.kind,
        combined.charge_id,
        combined.service_period_start,
        combined.quantity,
        combined.delta_minor,
        combined.hold_reason,
        combined.blocks_document,
        reasons.meaning,
        reasons.what_to_do
    from combined
    left join reasons on combined.hold_reason = reasons.reason
)

select * from final
