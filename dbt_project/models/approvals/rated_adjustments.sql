with

requests as (
    select * from {{ ref('stg_register_opening__approval_requests') }}
    where
        kind = 'adjustment'
        and status = 'approved'
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

charges as (
    select * from {{ ref('stg_billing__charges') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

issued_documents as (
    select
        entity,
        natural_id
    from {{ ref('stg_register_opening__documents') }}
    where
        document_type = 'invoice'
        and state <> 'cancelled'
),

products as (
    select
        product,
        min(tax_code) as tax_code,
        count(distinct tax_code) as tax_code_count
    from charges
    group by product
),

-- What it is of is the product and the month, as product/YYYY-MM.
named as (
    select
        requests.request_id,
        requests.subject as customer_id,
        requests.entity,
        requests.currency,
        requests.amount_minor,
        requests.reason,
        requests.content_hash,
        substr(requests.line_key, 1, length(requests.line_key) - 8) as product,
        substr(requests.line_key, length(requests.line_key) - 6) as period,
        cast(substr(requests.line_key, length(requests.line_key) - 6) || '-01' as date) as service_month
    from requests
),

final as (
    select
        {{ dbt.concat(["'adjustment/'", "named.request_id"]) }} as line_key,
        named.customer_id,
        named.entity,
        named.currency,
        customers.country,
        named.product,
        products.tax_code,
        {{ dbt.concat(["'Adjustment of '", "named.product", "' for '", "named.period"]) }} as description,
        named.service_month as period_start,
        named.service_month as service_period_start,
        {{ add_months('named.service_month', 1) }} as service_period_end,
        named.service_month as billing_month,
        cast(named.amount_minor * cast(currencies.minor_unit_value as decimal(4, 3)) as {{ precise_amount_type() }}) as amount_precise,
        named.amount_minor,
        named.content_hash as fingerprint,
        case
            when customers.customer_id is null or entities.entity is null then 'missing_legal_entity'
            when currencies.currency is null then 'unknown_currency'
            when named.service_month < {{ month_start('entities.cutover_on') }} then 'before_cutover'
            when products.tax_code is null then 'unknown_product'
            when products.tax_code_count > 1 then 'ambiguous_tax_code'
        end as hold_reason,
        -- Billed again after a void, it is a line like any other.
        case when issued_documents.natural_id is null then named.request_id end as decision_id,
        named.reason as decision_reason
    from named
    left join customers on named.customer_id = customers.customer_id
    left join entities on named.entity = entities.entity
    left join currencies on named.currency = currencies.currency
    left join products on named.product = products.product
    left join issued_documents
        on
            named.entity = issued_documents.entity
            and {{ decision_natural_id('named.request_id') }} = issued_documents.natural_id
)

select * from final
