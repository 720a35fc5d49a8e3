-- question: What is unbilled?
-- grain: one row per line that was used or is due and is on no issued document: drafts of the next close, and what is held
-- parameter entity, optional: legal entity (default: all)
-- parameter customer, optional: customer id (default: all)
-- parameter period, optional: month of the document, YYYY-MM (default: all)
with

preview as (
    select * from {{ ref('invoice_preview') }}
),

final as (
    select
        entity,
        period,
        customer_id,
        state,
        charge_id,
        description,
        service_period_start,
        service_period_end,
        event_count,
        currency,
        net_minor,
        tax_minor,
        gross_minor,
        reason,
        what_to_do,
        document_line_key
    from preview
    where
        state in ('draft', 'held')
        and ({{ parameter('entity') }} is null or entity = {{ parameter('entity') }})
        and ({{ parameter('customer') }} is null or customer_id = {{ parameter('customer') }})
        and ({{ parameter('period') }} is null or period = {{ parameter('period') }})
)

select * from final
order by entity, period, customer_id, document_line_key
