with

open_foreign_items as (
    select * from {{ ref('open_foreign_items') }}
),

sealed_lines as (
    select * from {{ ref('sealed_snapshot_lines') }}
    where event = 'receivables_revalued'
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

-- It is of an invoice as a whole, so that only mappings for all products serve it.
wanted as (
    select distinct
        entity,
        '*' as product,
        {{ month_start('last_day') }} as document_month,
        last_day as document_date
    from open_foreign_items
),

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'receivables_revalued'") }}
),

difference_accounts as (
    select * from mapped
    where posting_role = 'unrealised_exchange_difference'
),

wanted_rates as (
    select distinct
        currency,
        functional_currency,
        last_day as rate_day
    from open_foreign_items
),

closing_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'rate_day') }}
),

revalued as (
    select
        open_foreign_items.*,
        closing_rates.exchange_rate,
        difference_accounts.entity is not null as is_revaluing,
        difference_accounts.account_code as difference_account,
        difference_accounts.dimensions as difference_dimensions,
        difference_accounts.hold_reason as mapping_hold_reason,
        {{ converted_minor('open_foreign_items.open_minor', 'closing_rates.exchange_rate', 'transaction_currency', 'functional') }}
        - open_foreign_items.carried_functional_minor as difference_minor
    from open_foreign_items
    inner join currencies as transaction_currency on open_foreign_items.currency = transaction_currency.currency
    inner join currencies as functional on open_foreign_items.functional_currency = functional.currency
    left join difference_accounts on open_foreign_items.entity = difference_accounts.entity
    left join closing_rates
        on
            open_foreign_items.currency = closing_rates.currency
            and open_foreign_items.functional_currency = closing_rates.functional_currency
            and open_foreign_items.last_day = closing_rates.rate_day
),

final as (
    select
        {{ dbt.concat(["'revaluation:'", "period", "':'", "invoice_natural_id"]) }} as natural_id,
        false as is_sealed,
        entity,
        period,
        last_day as posting_date,
        invoice_key,
        number,
        customer_id,
        currency,
        functional_currency,
        {{ decimal_text('exchange_rate') }} as exchange_rate,
        account as receivable_account,
        receivable_dimensions,
        difference_account,
        difference_dimensions,
        rounding_account,
        open_minor,
        carried_functional_minor,
        cast(difference_minor as bigint) as difference_minor,
        -- An entity revalues once it has an account for it; one that may not serve is no reason to stop.
        not is_revaluing as is_unrevaluable,
        case
            when not is_revaluing then 'no_revaluation_account'
            when exchange_rate is null then 'missing_exchange_rate'
            else mapping_hold_reason
        end as hold_reason
    from revalued
    where
        exchange_rate is null
        or difference_minor <> 0
    union all
    select
        natural_id,
        true as is_sealed,
        entity,
        period,
        posting_date,
        source_document as invoice_key,
        source_number as number,
        customer_id,
        currency,
        functional_currency,
        exchange_rate,
        account as receivable_account,
        dimensions as receivable_dimensions,
        cast(null as varchar) as difference_account,
        cast(null as varchar) as difference_dimensions,
        cast(null as varchar) as rounding_account,
        cast(null as bigint) as open_minor,
        cast(null as bigint) as carried_functional_minor,
        signed_functional_minor as difference_minor,
        false as is_unrevaluable,
        cast(null as varchar) as hold_reason
    from sealed_lines
    where leg = 'receivable'
)

select * from final
