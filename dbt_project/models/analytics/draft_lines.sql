with

proposed_invoice_lines as (
    select * from {{ ref('proposed_invoice_lines') }}
),

proposed_credit_memo_lines as (
    select * from {{ ref('proposed_credit_memo_lines') }}
),

held_lines as (
    select * from {{ ref('held_lines') }}
),

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

rated_lines as (
    select * from {{ ref('rated_lines') }}
),

stopped_lines as (
    select * from {{ ref('stopped_lines') }}
),

invoices as (
    select
        lines.document_line_key,
        lines.natural_id as preview_id,
        'draft' as state,
        'invoice' as document_type,
        lines.line_key,
        cast(null as varchar) as corrects_line_key,
        cast(null as varchar) as corrects_number,
        lines.entity,
        lines.document_month,
        lines.customer_id,
        lines.currency,
        lines.kind,
        lines.subscription_id,
        lines.charge_id,
        lines.meter,
        lines.description,
        lines.service_period_start,
        lines.service_period_end,
        lines.billing_month,
        lines.event_count,
        lines.price_version,
        lines.cause,
        lines.amount_minor as net_minor,
        lines.tax_minor,
        lines.issued_minor as old_minor,
        lines.rated_minor as new_minor,
        cast(null as varchar) as hold_reason,
        cast(null as varchar) as hold_meaning,
        cast(null as varchar) as what_to_do
    from proposed_invoice_lines as lines
),

credit_memos as (
    select
        lines.document_line_key,
        lines.natural_id as preview_id,
        'draft' as state,
        'credit_memo' as document_type,
        lines.line_key,
        lines.corrects_line_key,
        lines.invoice_number as corrects_number,
        lines.entity,
        lines.document_month,
        lines.customer_id,
        lines.currency,
        lines.kind,
        lines.subscription_id,
        lines.charge_id,
        lines.meter,
        lines.description,
        lines.service_period_start,
        lines.service_period_end,
        lines.billing_month,
        lines.event_count,
        lines.price_version,
        lines.cause,
        -lines.amount_minor as net_minor,
        -lines.tax_minor as tax_minor,
        line_deltas.issued_minor as old_minor,
        line_deltas.rated_minor as new_minor,
        cast(null as varchar) as hold_reason,
        cast(null as varchar) as hold_meaning,
        cast(null as varchar) as what_to_do
    from proposed_credit_memo_lines as lines
    inner join line_deltas on lines.line_key = line_deltas.line_key
),

-- An amount that nobody can tell is null, never zero.
held as (
    select
        {{ dbt.concat(["held_lines.line_key", "'@held'"]) }} as document_line_key,
        cast(null as varchar) as preview_id,
        'held' as state,
        case when line_deltas.delta_minor < 0 then 'credit_memo' else 'invoice' end as document_type,
        held_lines.line_key,
        cast(null as varchar) as corrects_line_key,
        cast(null as varchar) as corrects_number,
        held_lines.entity,
        held_lines.document_month,
        held_lines.customer_id,
        held_lines.currency,
        held_lines.kind,
        line_deltas.subscription_id,
        held_lines.charge_id,
        line_deltas.meter,
        line_deltas.description,
        held_lines.service_period_start,
        line_deltas.service_period_end,
        held_lines.billing_month,
        line_deltas.event_count,
        line_deltas.price_version,
        cast(null as varchar) as cause,
        case when rated_lines.amount_minor is not null or rated_lines.line_key is null then line_deltas.delta_minor end as net_minor,
        cast(null as bigint) as tax_minor,
        line_deltas.issued_minor as old_minor,
        case when rated_lines.line_key is null then line_deltas.rated_minor else rated_lines.amount_minor end as new_minor,
        held_lines.hold_reason,
        held_lines.meaning as hold_meaning,
        held_lines.what_to_do
    from held_lines
    inner join line_deltas on held_lines.line_key = line_deltas.line_key
    left join rated_lines on held_lines.line_key = rated_lines.line_key
),

stopped as (
    select
        {{ dbt.concat(["stopped_lines.line_key", "'@stopped:'", "stopped_lines.cause"]) }} as document_line_key,
        cast(null as varchar) as preview_id,
        'held' as state,
        case when stopped_lines.stopped_minor < 0 then 'credit_memo' else 'invoice' end as document_type,
        stopped_lines.line_key,
        cast(null as varchar) as corrects_line_key,
        cast(null as varchar) as corrects_number,
        stopped_lines.entity,
        stopped_lines.document_month,
        stopped_lines.customer_id,
        stopped_lines.currency,
        line_deltas.kind,
        line_deltas.subscription_id,
        line_deltas.charge_id,
        line_deltas.meter,
        line_deltas.description,
        line_deltas.service_period_start,
        line_deltas.service_period_end,
        line_deltas.billing_month,
        line_deltas.event_count,
        line_deltas.price_version,
        stopped_lines.cause,
        stopped_lines.stopped_minor as net_minor,
        cast(null as bigint) as tax_minor,
        line_deltas.issued_minor as old_minor,
        line_deltas.rated_minor as new_minor,
        'run_gate' as hold_reason,
        {{ dbt.concat(["'What has the cause '", "stopped_lines.cause", "' comes to more than a run may issue without approval'"]) }} as hold_meaning,
        {{ dbt.concat(["'Look at the lines and run tieout approve '", "stopped_lines.plan_hash"]) }} as what_to_do
    from stopped_lines
    inner join line_deltas on stopped_lines.line_key = line_deltas.line_key
),

combined as (
    select * from invoices
    union all
    select * from credit_memos
    union all
    select * from held
    union all
    select * from stopped
),

final as (
    select
        document_line_key,
        preview_id,
        state,
        document_type,
        line_key,
        corrects_line_key,
        corrects_number,
        entity,
        document_month,
        customer_id,
        currency,
        kind,
        subscription_id,
        charge_id,
        meter,
        description,
        service_period_start,
        service_period_end,
        billing_month,
        cast(event_count as bigint) as event_count,
        price_version,
        cause,
        cast(net_minor as bigint) as net_minor,
        cast(tax_minor as bigint) as tax_minor,
        cast(old_minor as bigint) as old_minor,
        cast(new_minor as bigint) as new_minor,
        hold_reason,
        hold_meaning,
        what_to_do
    from combined
)

select * from final
