with

open_items as (
    select * from {{ ref('stg_cutover__open_items') }}
),

deferred_revenue as (
    select * from {{ ref('stg_cutover__deferred_revenue') }}
),

billed_lines as (
    select * from {{ ref('stg_cutover__billed_lines') }}
),

balances as (
    select * from {{ ref('stg_cutover__balances') }}
),

credit_grants as (
    select * from {{ ref('stg_billing__credit_grants') }}
    where
        violation is null
        and kind = 'paid'
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
),

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

-- Whoever delivers nothing of the former system opens nothing, and its prepaid grants are booked elsewhere.
opened_entities as (
    select entity from open_items
    union
    select entity from deferred_revenue
    union
    select entity from billed_lines
    union
    select entity from balances
),

-- What was paid for before the cutover is owed at it.
owed_grants as (
    select
        customers.entity,
        credit_grants.grant_id,
        credit_grants.customer_id,
        credit_grants.product,
        credit_grants.currency,
        credit_grants.granted_minor,
        credit_grants.file_name,
        credit_grants.line_number,
        currencies.exponent as currency_exponent,
        currencies.minor_unit_value,
        entities.functional_currency,
        entities.functional_minor_units,
        {{ month_start('entities.cutover_on') }} as opening_date
    from credit_grants
    inner join customers on credit_grants.customer_id = customers.customer_id
    inner join opened_entities on customers.entity = opened_entities.entity
    inner join entities on customers.entity = entities.entity
    inner join currencies on credit_grants.currency = currencies.currency
    where credit_grants.granted_on < {{ month_start('entities.cutover_on') }}
),

grant_rates as (
    select
        owed_grants.grant_id,
        exchange_rates.exchange_rate,
        row_number() over (partition by owed_grants.grant_id order by exchange_rates.rate_date desc) as recency
    from owed_grants
    inner join exchange_rates
        on
            owed_grants.currency = exchange_rates.from_currency
            and owed_grants.functional_currency = exchange_rates.to_currency
            and exchange_rates.rate_date < owed_grants.opening_date
            and exchange_rates.rate_date >= {{ add_days('owed_grants.opening_date', -1 * var('exchange_rate_days')) }}
),

grants as (
    select
        owed_grants.*,
        case
            when owed_grants.currency = owed_grants.functional_currency then cast(1 as {{ rate_type() }})
            else grant_rates.exchange_rate
        end as exchange_rate
    from owed_grants
    left join grant_rates
        on
            owed_grants.grant_id = grant_rates.grant_id
            and grant_rates.recency = 1
),

-- Debit positive. A row of zero opens nothing.
combined as (
    select
        entity,
        'open_item' as opening,
        {{ dbt.concat(["'open_item:'", "number"]) }} as natural_id,
        customer_id,
        number,
        '*' as product,
        'receivable' as posting_role,
        cast(null as varchar) as stated_account,
        currency,
        currency_exponent,
        functional_currency,
        exchange_rate,
        document_date,
        due_date,
        amount_minor,
        amount_minor as signed_minor,
        functional_minor as signed_functional_minor,
        cast(null as varchar) as grant_id,
        cast(null as varchar) as subscription_id,
        cast(null as varchar) as charge_id,
        cast(null as varchar) as line_key,
        cast(null as varchar) as quantity,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end,
        opening_date,
        file_name,
        line_number
    from open_items
    where
        violation is null
        and amount_minor <> 0
    union all
    select
        entity,
        'deferred_revenue' as opening,
        {{ dbt.concat(["'deferred_revenue:'", "deferral_id"]) }} as natural_id,
        customer_id,
        deferral_id as number,
        product,
        'deferred_revenue' as posting_role,
        cast(null as varchar) as stated_account,
        currency,
        currency_exponent,
        functional_currency,
        exchange_rate,
        opening_date as document_date,
        cast(null as date) as due_date,
        amount_minor,
        -amount_minor as signed_minor,
        -functional_minor as signed_functional_minor,
        cast(null as varchar) as grant_id,
        cast(null as varchar) as subscription_id,
        cast(null as varchar) as charge_id,
        cast(null as varchar) as line_key,
        cast(null as varchar) as quantity,
        service_period_start,
        service_period_end,
        opening_date,
        file_name,
        line_number
    from deferred_revenue
    where
        violation is null
        and amount_minor <> 0
    union all
    select
        entity,
        'prepaid_credit' as opening,
        {{ dbt.concat(["'prepaid_credit:'", "grant_id"]) }} as natural_id,
        customer_id,
        grant_id as number,
        product,
        'contract_liability' as posting_role,
        cast(null as varchar) as stated_account,
        currency,
        currency_exponent,
        functional_currency,
        exchange_rate,
        opening_date as document_date,
        cast(null as date) as due_date,
        granted_minor as amount_minor,
        -granted_minor as signed_minor,
        -{{ converted_at('granted_minor', 'exchange_rate', 'functional_minor_units', 'minor_unit_value') }} as signed_functional_minor,
        grant_id,
        cast(null as varchar) as subscription_id,
        cast(null as varchar) as charge_id,
        cast(null as varchar) as line_key,
        cast(null as varchar) as quantity,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end,
        opening_date,
        file_name,
        line_number
    from grants
    union all
    select
        entity,
        'billed_line' as opening,
        {{ dbt.concat(["'billed_line:'", "line_key"]) }} as natural_id,
        customer_id,
        cast(null as varchar) as number,
        coalesce(product, '*') as product,
        cast(null as varchar) as posting_role,
        cast(null as varchar) as stated_account,
        currency,
        currency_exponent,
        functional_currency,
        cast(1 as {{ rate_type() }}) as exchange_rate,
        opening_date as document_date,
        cast(null as date) as due_date,
        amount_minor,
        cast(0 as bigint) as signed_minor,
        cast(0 as bigint) as signed_functional_minor,
        cast(null as varchar) as grant_id,
        subscription_id,
        charge_id,
        line_key,
        quantity,
        service_period_start,
        service_period_end,
        opening_date,
        file_name,
        line_number
    from billed_lines
    where
        violation is null
        and amount_minor <> 0
    union all
    select
        entity,
        'balance' as opening,
        {{ dbt.concat(["'balance:'", "account_code", "':'", "currency"]) }} as natural_id,
        cast(null as varchar) as customer_id,
        account_code as number,
        '*' as product,
        cast(null as varchar) as posting_role,
        account_code as stated_account,
        currency,
        currency_exponent,
        functional_currency,
        exchange_rate,
        opening_date as document_date,
        cast(null as date) as due_date,
        amount_minor,
        amount_minor as signed_minor,
        functional_minor as signed_functional_minor,
        cast(null as varchar) as grant_id,
        cast(null as varchar) as subscription_id,
        cast(null as varchar) as charge_id,
        cast(null as varchar) as line_key,
        cast(null as varchar) as quantity,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end,
        opening_date,
        file_name,
        line_number
    from balances
    where
        violation is null
        and amount_minor <> 0
),

-- The equity of the opening and what rounding leaves are of no product.
wanted_products as (
    select
        entity,
        product,
        opening_date
    from combined
    union
    select
        entity,
        '*' as product,
        opening_date
    from combined
),

wanted as (
    select
        entity,
        product,
        opening_date as document_month,
        {{ add_days(add_months('opening_date', 1), -1) }} as document_date
    from wanted_products
),

ranked as (
    {{ ranked_account_mappings('wanted', 'mappings') }}
),

mapped as (
    select
        ranked.entity,
        ranked.product,
        ranked.posting_role,
        ranked.account_code,
        accounts.account_code is not null as is_known,
        coalesce(accounts.is_receivable, false) as is_receivable
    from ranked
    left join accounts
        on
            ranked.entity = accounts.entity
            and ranked.account_code = accounts.account_code
    where ranked.preference = 1
),

-- What its own documents explain of the trial balance is no balance by itself.
explained_accounts as (
    select
        entity,
        account_code
    from mapped
    where posting_role in ('receivable', 'deferred_revenue', 'contract_liability')
    union
    select
        entity,
        account_code
    from accounts
    where is_receivable
),

final as (
    select
        combined.entity,
        combined.natural_id,
        {{ dbt.concat(["'register/'", "combined.entity", "'/opening/'", "combined.natural_id"]) }} as business_key,
        combined.opening,
        combined.customer_id,
        combined.number,
        combined.product,
        combined.currency,
        combined.currency_exponent,
        combined.functional_currency,
        combined.exchange_rate,
        combined.document_date,
        combined.due_date,
        combined.opening_date,
        combined.amount_minor,
        combined.signed_minor,
        combined.signed_functional_minor,
        coalesce(combined.stated_account, own.account_code) as account,
        equity.account_code as equity_account,
        rounding.account_code as rounding_account,
        revenue.account_code as revenue_account,
        combined.grant_id,
        combined.subscription_id,
        combined.charge_id,
        combined.line_key,
        combined.quantity,
        combined.service_period_start,
        combined.service_period_end,
        combined.file_name,
        combined.line_number,
        case
            when combined.opening = 'billed_line' then null
            when combined.exchange_rate is null then 'missing_exchange_rate'
            when
                coalesce(combined.stated_account, own.account_code) is null
                or equity.account_code is null
                or rounding.account_code is null
                or (combined.opening = 'deferred_revenue' and revenue.account_code is null)
                then 'missing_account_mapping'
            when
                not coalesce(own.is_known, true)
                or not equity.is_known
                or not rounding.is_known
                or (combined.opening = 'open_item') <> coalesce(own.is_receivable, false)
                or (combined.opening = 'deferred_revenue' and not revenue.is_known)
                then 'unknown_account'
        end as hold_reason
    from combined
    left join mapped as own
        on
            combined.entity = own.entity
            and combined.product = own.product
            and combined.posting_role = own.posting_role
    left join mapped as equity
        on
            combined.entity = equity.entity
            and equity.product = '*'
            and equity.posting_role = 'opening_balance_equity'
    left join mapped as rounding
        on
            combined.entity = rounding.entity
            and rounding.product = '*'
            and rounding.posting_role = 'currency_rounding'
    left join mapped as revenue
        on
            combined.entity = revenue.entity
            and combined.product = revenue.product
            and revenue.posting_role = 'subscription_revenue'
    left join explained_accounts
        on
            combined.entity = explained_accounts.entity
            and combined.stated_account = explained_accounts.account_code
    where explained_accounts.account_code is null
)

select * from final
