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

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

sealed_journals as (
    select * from {{ ref('stg_register_issued__journal_entries') }}
),

sealed_lines as (
    select * from {{ ref('stg_register_issued__journal_lines') }}
    where event = 'payment_received'
),

-- What is sealed keeps its accounts and what it came to, whatever is mapped or approved by now.
sealed_legs as (
    select
        entity,
        natural_id,
    {% for leg in ['cash', 'realised_exchange_difference'] %}
        max(case when {{ is_leg(leg) }} then account end) as {{ leg }}_account,
        max(case when {{ is_leg(leg) }} then dimensions end) as {{ leg }}_dimensions,
        sum(case when not {{ is_leg(leg) }} then 0 when side = 'debit' then functional_minor else -functional_minor end) as {{ leg }}_minor{{ ',' if not loop.last }}
    {% endfor %}
    from sealed_lines
    group by
        entity,
        natural_id
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
        invoices.functional_currency,
        invoices.exchange_rate as invoice_exchange_rate,
        invoices.posting_date as invoice_posting_date,
        invoices.hold_reason as invoice_hold_reason,
        receivables.receivable_account,
        coalesce(customers.country, '*') as country
    from payments
    left join invoices on payments.invoice_key = invoices.business_key
    left join receivables on payments.invoice_key = receivables.business_key
    left join customers on payments.customer_id = customers.customer_id
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

wanted_rates as (
    select distinct
        currency,
        functional_currency,
        paid_on
    from dated
    where currency <> functional_currency
),

recent_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'paid_on') }}
),

-- What the bank made of it, or else the approved rate of its day; the receivable that it settles is at the rate of the invoice.
converted as (
    select
        dated.*,
        dated.currency <> dated.functional_currency as is_foreign,
        coalesce(
            dated.functional_minor,
            {{ converted_minor('dated.amount_minor', 'recent_rates.exchange_rate', 'transaction_currency', 'functional') }}
        ) as received_minor,
        {{ converted_minor('dated.amount_minor', 'dated.invoice_exchange_rate', 'transaction_currency', 'functional') }} as settled_minor
    from dated
    left join recent_rates
        on
            dated.currency = recent_rates.currency
            and dated.functional_currency = recent_rates.functional_currency
            and dated.paid_on = recent_rates.paid_on
    left join currencies as transaction_currency on dated.currency = transaction_currency.currency
    left join currencies as functional on dated.functional_currency = functional.currency
),

valued as (
    select
        converted.*,
        sealed_legs.cash_account as sealed_cash_account,
        sealed_legs.cash_dimensions as sealed_cash_dimensions,
        sealed_legs.realised_exchange_difference_account as sealed_difference_account,
        sealed_legs.realised_exchange_difference_dimensions as sealed_difference_dimensions,
        case
            when not converted.is_foreign then null
            when converted.is_posted then sealed_legs.cash_minor
            else converted.received_minor
        end as cash_functional_minor,
        case
            when not converted.is_foreign then 0
            when converted.is_posted then -sealed_legs.realised_exchange_difference_minor
            else converted.received_minor - converted.settled_minor
        end as exchange_difference_minor
    from converted
    left join sealed_legs
        on
            converted.entity = sealed_legs.entity
            and converted.natural_id = sealed_legs.natural_id
),

-- A payment is of an invoice as a whole, so that only mappings for all products serve it.
wanted as (
    select distinct
        entity,
        '*' as product,
        country,
        {{ month_start('posting_date') }} as document_month,
        {{ add_days(add_months(month_start('posting_date'), 1), -1) }} as document_date
    from dated
),

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'payment_received'", country='wanted.country') }}
),

final as (
    select
        valued.payment_key,
        valued.source,
        valued.payment_id,
        valued.entity,
        valued.invoice_key,
        valued.natural_id,
        valued.customer_id,
        valued.currency,
        valued.amount_minor,
        cast(valued.cash_functional_minor as bigint) as cash_functional_minor,
        cast(valued.exchange_difference_minor as bigint) as exchange_difference_minor,
        valued.paid_on,
        valued.status,
        valued.method,
        valued.is_posted,
        valued.posting_date,
        {{ period_of('valued.posting_date') }} as period,
        valued.receivable_account,
        coalesce(valued.sealed_cash_account, cash_accounts.account_code) as cash_account,
        case when valued.sealed_cash_account is null then cash_accounts.dimensions else valued.sealed_cash_dimensions end as cash_dimensions,
        coalesce(valued.sealed_difference_account, difference_accounts.account_code) as exchange_difference_account,
        case when valued.sealed_difference_account is null then difference_accounts.dimensions else valued.sealed_difference_dimensions end as exchange_difference_dimensions,
        case
            when valued.hold_reason is not null then valued.hold_reason
            when valued.invoice_hold_reason is not null then 'held_invoice'
            when valued.currency <> valued.invoice_currency then 'payment_of_another_currency'
            when
                valued.source = 'delivery'
                and not valued.is_posted
                and (valued.invoice_issued_by = 'platform' or paid_at_platform.invoice_key is not null)
                then 'paid_at_platform'
            when valued.is_posted then null
            when valued.is_foreign and valued.cash_functional_minor is null then 'missing_exchange_rate'
            when cash_accounts.hold_reason is not null then cash_accounts.hold_reason
            when cash_accounts.account_code is null then 'missing_account_mapping'
            when valued.exchange_difference_minor = 0 then null
            when difference_accounts.hold_reason is not null then difference_accounts.hold_reason
            when difference_accounts.account_code is null then 'missing_account_mapping'
        end as hold_reason
    from valued
    left join paid_at_platform on valued.invoice_key = paid_at_platform.invoice_key
    left join mapped as cash_accounts
        on
            valued.entity = cash_accounts.entity
            and valued.country = cash_accounts.country
            and {{ month_start('valued.posting_date') }} = cash_accounts.document_month
            and cash_accounts.posting_role = 'cash'
    left join mapped as difference_accounts
        on
            valued.entity = difference_accounts.entity
            and valued.country = difference_accounts.country
            and {{ month_start('valued.posting_date') }} = difference_accounts.document_month
            and difference_accounts.posting_role = 'realised_exchange_difference'
)

select * from final
