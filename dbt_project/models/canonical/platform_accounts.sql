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

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

-- The accounts of a product on the date of the invoice; what corrects the invoice inherits them.
wanted as (
    select distinct
        invoices.entity,
        coalesce(charges.product, '*') as product,
        coalesce(customers.country, '*') as country,
        {{ month_start('invoices.document_date') }} as document_month,
        {{ add_days(add_months(month_start('invoices.document_date'), 1), -1) }} as document_date
    from invoices
    inner join lines
        on
            invoices.entity = lines.entity
            and invoices.remote_id = lines.remote_id
    left join charges on lines.charge_id = charges.charge_id
    left join customers on invoices.customer_id = customers.customer_id
),

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'invoice_issued'", country='wanted.country') }}
),

final as (
    select
        entity,
        product,
        country,
        document_month,
        {% for role, name in [
            ('receivable', 'receivable'), ('usage_revenue', 'usage_revenue'), ('subscription_revenue', 'subscription_revenue'),
            ('deferred_revenue', 'deferred'), ('tax_payable', 'tax'), ('currency_rounding', 'rounding'),
        ] %}
            max(case when posting_role = '{{ role }}' then account_code end) as {{ name }}_account,
            max(case when posting_role = '{{ role }}' then dimensions end) as {{ name }}_dimensions,
        {% endfor %}
        min(hold_reason) as hold_reason
    from mapped
    where posting_role in ('receivable', 'usage_revenue', 'subscription_revenue', 'deferred_revenue', 'tax_payable', 'currency_rounding')
    group by
        entity,
        product,
        country,
        document_month
)

select * from final
