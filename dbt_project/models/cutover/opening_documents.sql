with

opening_rows as (
    select * from {{ ref('opening_rows') }}
),

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

-- The equity of the opening and what rounding leaves are of no product.
wanted_products as (
    select
        entity,
        product,
        opening_date
    from opening_rows
    union
    select
        entity,
        '*' as product,
        opening_date
    from opening_rows
),

wanted as (
    select
        entity,
        product,
        opening_date as document_month,
        {{ add_days(add_months('opening_date', 1), -1) }} as document_date
    from wanted_products
),

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'opening_balance'") }}
),

receivable_accounts as (
    select
        entity,
        account_code
    from accounts
    where is_receivable
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
    from receivable_accounts
),

final as (
    select
        opening_rows.entity,
        opening_rows.natural_id,
        {{ dbt.concat(["'register/'", "opening_rows.entity", "'/opening/'", "opening_rows.natural_id"]) }} as business_key,
        opening_rows.opening,
        opening_rows.customer_id,
        opening_rows.number,
        opening_rows.product,
        opening_rows.currency,
        opening_rows.currency_exponent,
        opening_rows.functional_currency,
        opening_rows.exchange_rate,
        opening_rows.document_date,
        opening_rows.due_date,
        opening_rows.opening_date,
        opening_rows.amount_minor,
        opening_rows.signed_minor,
        opening_rows.signed_functional_minor,
        coalesce(opening_rows.stated_account, own.account_code) as account,
        equity.account_code as equity_account,
        rounding.account_code as rounding_account,
        revenue.account_code as revenue_account,
        opening_rows.grant_id,
        opening_rows.subscription_id,
        opening_rows.charge_id,
        opening_rows.line_key,
        opening_rows.quantity,
        opening_rows.service_period_start,
        opening_rows.service_period_end,
        opening_rows.file_name,
        opening_rows.line_number,
        case
            when opening_rows.opening = 'billed_line' then null
            when opening_rows.exchange_rate is null then 'missing_exchange_rate'
            when coalesce(own.hold_reason, equity.hold_reason, rounding.hold_reason) is not null
                then coalesce(own.hold_reason, equity.hold_reason, rounding.hold_reason)
            when opening_rows.opening = 'deferred_revenue' and revenue.hold_reason is not null then revenue.hold_reason
            when
                coalesce(opening_rows.stated_account, own.account_code) is null
                or equity.account_code is null
                or rounding.account_code is null
                or (opening_rows.opening = 'deferred_revenue' and revenue.account_code is null)
                then 'missing_account_mapping'
            when (opening_rows.opening = 'open_item') <> (receivable_accounts.account_code is not null) then 'unknown_account'
        end as hold_reason
    from opening_rows
    left join mapped as own
        on
            opening_rows.entity = own.entity
            and opening_rows.product = own.product
            and opening_rows.posting_role = own.posting_role
    left join receivable_accounts
        on
            own.entity = receivable_accounts.entity
            and own.account_code = receivable_accounts.account_code
    left join mapped as equity
        on
            opening_rows.entity = equity.entity
            and equity.product = '*'
            and equity.posting_role = 'opening_balance_equity'
    left join mapped as rounding
        on
            opening_rows.entity = rounding.entity
            and rounding.product = '*'
            and rounding.posting_role = 'currency_rounding'
    left join mapped as revenue
        on
            opening_rows.entity = revenue.entity
            and opening_rows.product = revenue.product
            and revenue.posting_role = 'subscription_revenue'
    left join explained_accounts
        on
            opening_rows.entity = explained_accounts.entity
            and opening_rows.stated_account = explained_accounts.account_code
    where explained_accounts.account_code is null
)

select * from final
