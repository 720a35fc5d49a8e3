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
        document_month
    from line_deltas
    union
    select
        line_deltas.entity,
        open_credit_grants.product,
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

-- The most specific mapping wins, then the latest.
ranked as (
    {{ ranked_account_mappings('wanted', 'mappings') }}
),

final as (
    select
        ranked.entity,
        ranked.product,
        ranked.document_month,
        ranked.posting_role,
        ranked.account_code,
        accounts.account_code is not null as is_known
    from ranked
    left join accounts
        on
            ranked.entity = accounts.entity
            and ranked.account_code = accounts.account_code
    where ranked.preference = 1
)

select * from final
