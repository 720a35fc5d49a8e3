with

lines as (
    select * from {{ ref('proposed_credit_memo_lines') }}
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where state <> 'cancelled'
),

issued_applications as (
    select * from {{ ref('stg_register_opening__credit_applications') }}
),

issued_memos as (
    select
        {{ json_text('payload', 'invoice_key') }} as invoice_key,
        {{ sum_whole('total_minor') }} as credited_minor
    from issued_documents
    where document_type = 'credit_memo'
    group by {{ json_text('payload', 'invoice_key') }}
),

-- What is left of what an invoice drew, the grant that was drawn last first.
applied as (
    select
        coalesce(invoice_key, business_key) as invoice_key,
        grant_id,
        min(kind) as kind,
        min(account) as account,
        max(place) as place,
        {{ sum_whole('amount_minor') }} as applied_minor,
        {{ sum_whole('case when amount_minor > 0 then amount_minor else 0 end') }} as drawn_minor
    from issued_applications
    group by
        coalesce(invoice_key, business_key),
        grant_id
),

stacked as (
    select
        applied.*,
        coalesce(sum(applied_minor) over (
            partition by invoice_key order by place desc rows between unbounded preceding and 1 preceding
        ), 0) as above_minor
    from applied
),

invoices as (
    select
        issued_documents.business_key as invoice_key,
        issued_documents.total_minor,
        coalesce(issued_memos.credited_minor, 0) as credited_minor,
        drawn.drawn_minor,
        drawn.drawn_minor - drawn.applied_minor as restored_minor
    from issued_documents
    inner join (
        select
            invoice_key,
            {{ sum_whole('drawn_minor') }} as drawn_minor,
            {{ sum_whole('applied_minor') }} as applied_minor
        from applied
        group by invoice_key
    ) as drawn on issued_documents.business_key = drawn.invoice_key
    left join issued_memos on issued_documents.business_key = issued_memos.invoice_key
),

memos as (
    select
        natural_id,
        entity,
        bill_to_customer_id as customer_id,
        currency,
        invoice_key,
        document_date,
        min(disposition) as disposition,
        {{ sum_whole('amount_minor + tax_minor') }} as memo_minor
    from lines
    group by
        natural_id,
        entity,
        bill_to_customer_id,
        currency,
        invoice_key,
        document_date
),

credited as (
    select
        memos.*,
        invoices.total_minor,
        invoices.drawn_minor,
        invoices.restored_minor,
        invoices.credited_minor + sum(memos.memo_minor) over (
            partition by memos.invoice_key
            order by memos.document_date asc, length(memos.natural_id) asc, memos.natural_id asc
            rows between unbounded preceding and current row
        ) as credited_through_minor
    from memos
    inner join invoices on memos.invoice_key = invoices.invoice_key
),

-- A memo reduces what is due first; what goes beyond that was settled with credits, and those are given back.
measured as (
    select
        credited.*,
        greatest(least(drawn_minor, greatest(credited_through_minor - memo_minor - (total_minor - drawn_minor), 0)), restored_minor) as restored_before_minor,
        greatest(least(drawn_minor, greatest(credited_through_minor - (total_minor - drawn_minor), 0)), restored_minor) as restored_through_minor
    from credited
),

final as (
    select
        measured.natural_id,
        measured.entity,
        measured.customer_id,
        measured.currency,
        stacked.grant_id,
        stacked.kind,
        stacked.place,
        stacked.account,
        cast(greatest(
            least(stacked.above_minor + stacked.applied_minor, measured.restored_through_minor - measured.restored_minor)
            - greatest(stacked.above_minor, measured.restored_before_minor - measured.restored_minor),
            0
        ) as bigint) as amount_minor
    from measured
    inner join stacked on measured.invoice_key = stacked.invoice_key
    -- What is refunded goes back in money, as far as money was paid.
    where measured.disposition is distinct from 'refund'
)

select * from final
where amount_minor > 0
