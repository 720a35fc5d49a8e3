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

wanted as (
    select distinct
        entity,
        product,
        document_month,
        {{ add_days(add_months('document_month', 1), -1) }} as document_date
    from line_deltas
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
