with

invoices as (
    select * from {{ ref('stg_platform__invoices') }}
),

register_documents as (
    select * from {{ ref('stg_register_issued__documents') }}
),

subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
),

-- A read-back of an account shows the documents of every entity; an invoice belongs to the one that registered its customer there.
registered_customers as (
    select
        entity,
        remote_id,
        min(natural_id) as customer_id
    from register_documents
    where
        document_type = 'customer'
        and system = 'stripe'
        and remote_id is not null
    group by
        entity,
        remote_id
),

known_subscriptions as (
    select distinct
        subscription_id,
        customer_id
    from subscriptions
),

owned as (
    select
        invoices.*,
        registered_customers.customer_id,
        known_subscriptions.subscription_id is not null as is_identified,
        entities.functional_currency,
        entities.first_open_month,
        -- An invoice of a period belongs to the month that it bills, whatever day the platform makes it on.
        case
            when invoices.period_end > invoices.period_start then {{ add_days('invoices.period_end', -1) }}
            else invoices.document_date
        end as billed_on
    from invoices
    inner join registered_customers
        on
            invoices.entity = registered_customers.entity
            and invoices.customer_remote_id = registered_customers.remote_id
    inner join entities on invoices.entity = entities.entity
    left join known_subscriptions
        on
            invoices.subscription_id = known_subscriptions.subscription_id
            and registered_customers.customer_id = known_subscriptions.customer_id
),

wanted_rates as (
    select distinct
        currency,
        functional_currency,
        document_date
    from owned
    where currency <> functional_currency
),

recent_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'document_date') }}
),

-- Once its journal is sealed, its rate and its period stay what they were.
sealed_journals as (
    select * from {{ ref('stg_register_issued__journal_entries') }}
),

final as (
    select
        {{ dbt.concat(["'stripe/'", "owned.entity", "'/invoice/'", "owned.remote_id"]) }} as business_key,
        owned.entity,
        owned.remote_id,
        owned.number,
        owned.status,
        owned.currency,
        owned.functional_currency,
        case
            when sealed_journals.exchange_rate is not null then sealed_journals.exchange_rate
            when owned.currency = owned.functional_currency then '1'
            else {{ decimal_text('recent_rates.exchange_rate') }}
        end as exchange_rate,
        owned.document_date,
        owned.billed_on,
        coalesce(
            sealed_journals.posting_date,
            {{ add_days(add_months("greatest(" ~ month_start('owned.billed_on') ~ ", owned.first_open_month)", 1), -1) }}
        ) as posting_date,
        owned.customer_id,
        owned.subscription_id,
        owned.is_identified,
        owned.first_open_month,
        owned.subtotal_minor,
        owned.tax_minor,
        owned.total_minor,
        owned.voided_on,
        owned.status = 'void' as is_void,
        owned.current_total_minor,
        owned.current_remaining_minor,
        owned.is_vanished
    from owned
    left join recent_rates
        on
            owned.currency = recent_rates.currency
            and owned.functional_currency = recent_rates.functional_currency
            and owned.document_date = recent_rates.document_date
    left join sealed_journals
        on
            owned.entity = sealed_journals.entity
            and sealed_journals.natural_id = {{ dbt.concat(["'invoice:'", "owned.remote_id", "':issued'"]) }}
)

select * from final
