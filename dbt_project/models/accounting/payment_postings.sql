with

payments as (
    select * from {{ ref('canonical_payments') }}
    where amount_minor <> 0
),

invoices as (
    select * from {{ ref('canonical_documents') }}
    where document_type = 'invoice'
),

receivables as (
    select * from {{ ref('document_accounts') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

sealed_journals as (
    select * from {{ ref('stg_register_issued__journal_entries') }}
),

paid_at_platform as (
    select distinct invoice_key
    from payments
    where
        source = 'platform'
        and status = 'paid'
),

named as (
    select
        payments.*,
        {{ dbt.concat(["invoices.document_type", "':'", "invoices.natural_id", "':paid:'", "payments.payment_key"]) }} as natural_id,
        invoices.currency as invoice_currency,
        invoices.posting_date as invoice_posting_date,
        invoices.hold_reason as invoice_hold_reason,
        receivables.receivable_account
    from payments
    left join invoices on payments.invoice_key = invoices.business_key
    left join receivables on payments.invoice_key = receivables.business_key
),

-- On the day of the payment, but neither in a closed month nor in one before its invoice. What is posted stays, whatever becomes of the money.
dated as (
    select
        named.*,
        sealed_journals.natural_id is not null as is_posted,
        coalesce(
            sealed_journals.posting_date,
            greatest(named.paid_on, coalesce({{ month_start('named.invoice_posting_date') }}, named.paid_on), coalesce(entities.first_open_month, named.paid_on))
        ) as posting_date
    from named
    left join entities on named.entity = entities.entity
    left join sealed_journals
        on
            named.entity = sealed_journals.entity
            and named.natural_id = sealed_journals.natural_id
    where
        named.status = 'paid'
        or sealed_journals.natural_id is not null
),

-- A payment is of an invoice as a whole, so that only mappings for all products serve it.
wanted as (
    select distinct
        entity,
        '*' as product,
        {{ month_start('posting_date') }} as document_month,
        {{ add_days(add_months(month_start('posting_date'), 1), -1) }} as document_date
    from dated
),

ranked as (
    {{ ranked_account_mappings('wanted', 'mappings') }}
),

cash_accounts as (
    select
        ranked.entity,
        ranked.document_month,
        ranked.account_code,
        accounts.account_code is not null as is_known
    from ranked
    left join accounts
        on
            ranked.entity = accounts.entity
            and ranked.account_code = accounts.account_code
    where
        ranked.posting_role = 'cash'
        and ranked.preference = 1
),

final as (
    select
        dated.payment_key,
        dated.source,
        dated.payment_id,
        dated.entity,
        dated.invoice_key,
        dated.natural_id,
        dated.customer_id,
        dated.currency,
        dated.amount_minor,
        dated.paid_on,
        dated.status,
        dated.method,
        dated.is_posted,
        dated.posting_date,
        {{ period_of('dated.posting_date') }} as period,
        dated.receivable_account,
        cash_accounts.account_code as cash_account,
        case
            when dated.hold_reason is not null then dated.hold_reason
            when dated.invoice_hold_reason is not null then 'held_invoice'
            when dated.currency <> dated.invoice_currency then 'payment_of_another_currency'
            when
                dated.source = 'delivery'
                and not dated.is_posted
                and (dated.invoice_issued_by = 'platform' or paid_at_platform.invoice_key is not null)
                then 'paid_at_platform'
            when cash_accounts.account_code is null then 'missing_account_mapping'
            when not cash_accounts.is_known then 'unknown_account'
        end as hold_reason
    from dated
    left join paid_at_platform on dated.invoice_key = paid_at_platform.invoice_key
    left join cash_accounts
        on
            dated.entity = cash_accounts.entity
            and {{ month_start('dated.posting_date') }} = cash_accounts.document_month
)

select * from final
