with

invoices as (
    select * from {{ ref('platform_invoices') }}
),

credit_notes as (
    select * from {{ ref('stg_platform__credit_notes') }}
),

lines as (
    select * from {{ ref('platform_document_lines') }}
),

sealed_journals as (
    select * from {{ ref('stg_register_issued__journal_entries') }}
),

totals as (
    select
        business_key,
        entity,
        invoice_key,
        document_type,
        issue_event,
        natural_id,
        {{ sum_whole('amount_minor') }} as subtotal_minor,
        {{ sum_whole('tax_minor') }} as tax_minor,
        min(hold_reason) as hold_reason
    from lines
    group by
        business_key,
        entity,
        invoice_key,
        document_type,
        issue_event,
        natural_id
),

dated as (
    select
        totals.*,
        invoices.number as invoice_number,
        invoices.customer_id,
        invoices.subscription_id,
        invoices.currency,
        invoices.functional_currency,
        invoices.exchange_rate,
        invoices.is_identified,
        invoices.first_open_month,
        invoices.posting_date as invoice_posting_date,
        case
            when totals.issue_event in ('invoice_issued', 'invoice_voided') then invoices.number
            else coalesce(credit_notes.number, totals.natural_id)
        end as number,
        case totals.issue_event
            when 'invoice_issued' then invoices.document_date
            when 'invoice_voided' then coalesce(invoices.voided_on, invoices.document_date)
            when 'credit_memo_voided' then coalesce(credit_notes.voided_on, credit_notes.document_date)
            else credit_notes.document_date
        end as document_date,
        case
            when totals.issue_event in ('invoice_issued', 'invoice_voided') then invoices.status
            else credit_notes.status
        end as status,
        -- What the platform shows of it now: nothing, once it has vanished.
        case
            when totals.issue_event in ('invoice_issued', 'invoice_voided') and invoices.is_vanished then null
            when totals.issue_event in ('credit_memo_issued', 'credit_memo_voided') and credit_notes.is_vanished then null
            when totals.issue_event = 'invoice_issued' then invoices.current_total_minor
            when totals.issue_event = 'credit_memo_issued' then -credit_notes.current_total_minor
            else totals.subtotal_minor + totals.tax_minor
        end as held_total_minor
    from totals
    inner join invoices on totals.invoice_key = invoices.business_key
    left join credit_notes
        on
            totals.entity = credit_notes.entity
            and (totals.natural_id = credit_notes.remote_id or totals.natural_id = credit_notes.remote_id || ':void')
),

-- A correction belongs to the month of its own date, never before its invoice and never to a closed month.
posted as (
    select
        dated.*,
        coalesce(
            sealed_journals.posting_date,
            case
                when dated.issue_event = 'invoice_issued' then dated.invoice_posting_date
                else {{ add_days(add_months("greatest(" ~ month_start('dated.document_date') ~ ", " ~ month_start('dated.invoice_posting_date') ~ ", dated.first_open_month)", 1), -1) }}
            end
        ) as posting_date
    from dated
    left join sealed_journals
        on
            dated.entity = sealed_journals.entity
            and sealed_journals.natural_id = {{ dbt.concat(["dated.document_type", "':'", "dated.natural_id", "':issued'"]) }}
),

final as (
    select
        business_key,
        document_type,
        issue_event,
        natural_id,
        number,
        status,
        entity,
        {{ period_of('posting_date') }} as period,
        document_date,
        posting_date,
        invoice_key,
        customer_id,
        subscription_id,
        currency,
        functional_currency,
        exchange_rate,
        subtotal_minor,
        tax_minor,
        subtotal_minor + tax_minor as total_minor,
        held_total_minor,
        case
            when not is_identified then 'unknown_platform_subscription'
            when exchange_rate is null then 'missing_exchange_rate'
            else hold_reason
        end as hold_reason
    from posted
)

select * from final
