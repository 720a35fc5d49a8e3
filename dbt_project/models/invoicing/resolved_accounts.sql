with

line_deltas as (
    select * from {{ ref('line_deltas') }}
    where delta_minor > 0
),

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

open_credit_grants as (
    select * from {{ ref('open_credit_grants') }}
),

wanted_products as (
    select
        entity,
        product,
        coalesce(country, '*') as country,
        document_month
    from line_deltas
    union
    select
        line_deltas.entity,
        open_credit_grants.product,
        open_credit_grants.country,
        line_deltas.document_month
    from line_deltas
    inner join open_credit_grants
        on
            line_deltas.customer_id = open_credit_grants.customer_id
            and line_deltas.entity = open_credit_grants.entity
            and line_deltas.currency = open_credit_grants.currency
),

wanted as (
    select
        wanted_products.*,
        {{ add_days(add_months('document_month', 1), -1) }} as document_date
    from wanted_products
),

-- What is issued is mapped once, for all that follows from it.
mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'invoice_issued'", country='wanted.country') }}
),

final as (
    select
        entity,
        product,
        country,
        document_month,
        posting_role,
        account_code,
        dimensions,
        hold_reason
    from mapped
)

select * from final
