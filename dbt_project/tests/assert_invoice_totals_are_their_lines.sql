-- A document total is the sum of its rounded parts; anything else is a cent that no system agrees on.
with

lines as (
    select
        natural_id,
        entity,
        sum(amount_minor + tax_minor) as total_minor
    from {{ ref('proposed_invoice_lines') }}
    group by
        natural_id,
        entity
)

select
    outbox.business_key,
    outbox.total_minor,
    lines.total_minor as line_total_minor
from {{ ref('outbox_invoices') }} as outbox
full outer join lines
    on
        outbox.natural_id = lines.natural_id
        and outbox.entity = lines.entity
where outbox.total_minor is distinct from lines.total_minor
