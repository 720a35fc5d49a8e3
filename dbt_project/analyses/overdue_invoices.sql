-- question: Which invoices are overdue?
-- grain: one row per invoice of which something is open after its due day
-- parameter as_of, optional: day, YYYY-MM-DD, at the end of which it counts (default: today)
-- parameter entity, optional: legal entity (default: all)
with

receivable_movements as (
    select * from {{ ref('receivable_movements') }}
),

documents as (
    select * from {{ ref('canonical_documents') }}
),

bounds as (
    select coalesce(cast({{ parameter('as_of') }} as date), current_date) as counted_on
),

open_items as (
    select
        receivable_movements.entity,
        receivable_movements.invoice_key,
        receivable_movements.account,
        receivable_movements.customer_id,
        receivable_movements.currency,
        receivable_movements.due_on,
        any_value(bounds.counted_on) as counted_on,
        cast(sum(receivable_movements.amount_minor) as bigint) as open_minor
    from receivable_movements
    inner join bounds on receivable_movements.posting_date <= bounds.counted_on
    group by
        receivable_movements.entity,
        receivable_movements.invoice_key,
        receivable_movements.account,
        receivable_movements.customer_id,
        receivable_movements.currency,
        receivable_movements.due_on
),

final as (
    select
        open_items.entity,
        documents.number,
        open_items.customer_id,
        documents.document_date,
        open_items.due_on,
        date_diff('day', open_items.due_on, open_items.counted_on) as days_overdue,
        open_items.currency,
        open_items.open_minor,
        open_items.account,
        open_items.invoice_key
    from open_items
    left join documents on open_items.invoice_key = documents.business_key
    where
        open_items.open_minor <> 0
        and open_items.due_on < open_items.counted_on
        and ({{ parameter('entity') }} is null or open_items.entity = {{ parameter('entity') }})
)

select * from final
order by entity asc, days_overdue desc, invoice_key asc
