with

invoices as (
    select * from {{ ref('platform_invoices') }}
),

lines as (
    select * from {{ ref('stg_platform__invoice_lines') }}
),

charges as (
    select * from {{ ref('stg_billing__charges') }}
),

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

-- The accounts of a product on the date of the invoice; what corrects the invoice inherits them.
wanted as (
    select distinct
        invoices.entity,
        coalesce(charges.product, '*') as product,
        {{ month_start('invoices.document_date') }} as document_month,
        {{ add_days(add_months(month_start('invoices.document_date'), 1), -1) }} as document_date
    from invoices
    inner join lines
        on
            invoices.entity = lines.entity
            and invoices.remote_id = lines.remote_id
    left join charges on lines.charge_id = charges.charge_id
),

ranked as (
    {{ ranked_account_mappings('wanted', 'mappings') }}
),

final as (
    select
        ranked.entity,
        ranked.product,
        ranked.document_month,
        max(case when ranked.posting_role = 'receivable' then ranked.account_code end) as receivable_account,
        max(case when ranked.posting_role = 'usage_revenue' then ranked.account_code end) as usage_revenue_account,
        max(case when ranked.posting_role = 'subscription_revenue' then ranked.account_code end) as subscription_revenue_account,
        max(case when ranked.posting_role = 'deferred_revenue' then ranked.account_code end) as deferred_account,
        max(case when ranked.posting_role = 'tax_payable' then ranked.account_code end) as tax_account,
        max(case when ranked.posting_role = 'currency_rounding' then ranked.account_code end) as rounding_account,
        {{ sum_whole('case when accounts.account_code is null then 1 else 0 end') }} as unknown_count
    from ranked
    left join accounts
        on
            ranked.entity = accounts.entity
            and ranked.account_code = accounts.account_code
    where ranked.preference = 1
    group by
        ranked.entity,
        ranked.product,
        ranked.document_month
)

select * from final
