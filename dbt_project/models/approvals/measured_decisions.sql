with

requests as (
    select * from {{ ref('stg_register_opening__approval_requests') }}
    where
        kind in ('goodwill', 'void')
        and status = 'approved'
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where
        document_type in ('invoice', 'credit_memo')
        and state <> 'cancelled'
),

balances as (
    select * from {{ ref('issued_line_balances') }}
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

-- What is issued is decided no more.
pending as (
    select
        requests.*,
        case when requests.kind = 'void' and requests.rebill = 'yes' then 'void_and_rebill' else requests.kind end as cause
    from requests
    left join issued_documents
        on
            requests.entity = issued_documents.entity
            and {{ decision_natural_id('requests.request_id') }} = issued_documents.natural_id
    where issued_documents.natural_id is null
),

invoices as (
    select
        business_key,
        min(state) as state
    from issued_documents
    where document_type = 'invoice'
    group by business_key
),

voided as (
    select distinct {{ json_text('payload', 'invoice_key') }} as invoice_key
    from issued_documents
    where cause in ('void', 'void_and_rebill')
),

measured as (
    select
        pending.request_id,
        count(balances.document_line_key) as line_count,
        coalesce({{ sum_whole('greatest(balances.remaining_minor, 0)') }}, 0) as remaining_minor,
        -- A credit before discount claws the discount back in its proportion.
        coalesce({{ sum_whole(
            "case when pending.basis = 'before_discount' and balances.discount_minor <> 0 then "
            ~ half_up_quotient("pending.amount_minor * cast(balances.gross_minor - balances.discount_minor as " ~ wide_integer() ~ ")", "balances.gross_minor")
            ~ " end"
        ) }}, min(pending.amount_minor)) as net_minor
    from pending
    left join balances
        on
            pending.subject = balances.business_key
            and (pending.line_key = balances.document_line_key or pending.line_key is null)
    group by pending.request_id
),

judged as (
    select
        pending.*,
        measured.remaining_minor,
        case when pending.kind = 'void' then measured.remaining_minor else measured.net_minor end as credit_minor,
        entities.first_open_month as document_month,
        case
            when invoices.business_key is null or invoices.state = 'rejected' or entities.entity is null then 'not_issued'
            when voided.invoice_key is not null then 'voided_already'
            when measured.line_count = 0 then 'unknown_line'
            when measured.remaining_minor <= 0 then 'nothing_left'
            when pending.kind = 'goodwill' and measured.net_minor <= 0 then 'nothing_to_credit'
            when pending.kind = 'goodwill' and measured.net_minor > measured.remaining_minor then 'exceeds_remaining'
        end as refusal
    from pending
    inner join measured on pending.request_id = measured.request_id
    left join invoices on pending.subject = invoices.business_key
    left join voided on pending.subject = voided.invoice_key
    left join entities on pending.entity = entities.entity
),

final as (
    select
        request_id as decision_id,
        kind,
        cause,
        entity,
        subject as invoice_key,
        line_key as document_line_key,
        currency,
        basis,
        amount_minor,
        cast(credit_minor as bigint) as credit_minor,
        cast(remaining_minor as bigint) as remaining_minor,
        disposition,
        reason,
        requested_by,
        decided_by as approved_by,
        verdict_position,
        document_month,
        refusal
    from judged
)

select * from final
