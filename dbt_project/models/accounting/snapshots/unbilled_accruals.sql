with

unbilled_lines as (
    select * from {{ ref('unbilled_lines') }}
),

sealed_lines as (
    select * from {{ ref('sealed_snapshot_lines') }}
    where event = 'unbilled_receivables_accrued'
),

line_deltas as (
    select * from {{ ref('line_deltas') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
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

wanted as (
    select distinct
        entity,
        product,
        {{ month_start('last_day') }} as document_month,
        last_day as document_date
    from unbilled_lines
),

ranked as (
    {{ ranked_account_mappings('wanted', 'mappings') }}
),

mapped_accounts as (
    select
        ranked.entity,
        ranked.product,
        max(case when ranked.posting_role = 'unbilled_receivable' then ranked.account_code end) as unbilled_account,
        max(case when ranked.posting_role = 'usage_revenue' then ranked.account_code end) as usage_revenue_account,
        max(case when ranked.posting_role = 'subscription_revenue' then ranked.account_code end) as subscription_revenue_account,
        max(case when ranked.posting_role = 'currency_rounding' then ranked.account_code end) as rounding_account
    from ranked
    where ranked.preference = 1
    group by
        ranked.entity,
        ranked.product
),

-- An entity accrues once it has an account for it, for whatever product.
accruing_entities as (
    select distinct wanted.entity
    from wanted
    inner join mappings
        on
            (wanted.entity = mappings.entity or mappings.entity = '*')
            and mappings.posting_role = 'unbilled_receivable'
            and wanted.document_date >= mappings.effective_from
),

wanted_rates as (
    select distinct
        unbilled_lines.currency,
        entities.functional_currency,
        unbilled_lines.last_day as rate_day
    from unbilled_lines
    inner join entities on unbilled_lines.entity = entities.entity
),

closing_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates') }}
),

named as (
    select
        unbilled_lines.*,
        coalesce(unbilled_lines.subscription_id, {{ dbt.concat(["'unsubscribed:'", "unbilled_lines.customer_id"]) }}) as subject
    from unbilled_lines
),

posted as (
    select
        named.*,
        min(named.customer_id) over (partition by named.entity, named.subject, named.currency) as entry_customer_id,
        entities.functional_currency,
        {{ decimal_text('closing_rates.exchange_rate') }} as exchange_rate,
        mapped_accounts.unbilled_account,
        case named.kind
            when 'fee' then mapped_accounts.subscription_revenue_account
            else mapped_accounts.usage_revenue_account
        end as revenue_account,
        mapped_accounts.rounding_account,
        accruing_entities.entity is not null as is_accruing
    from named
    inner join entities on named.entity = entities.entity
    left join accruing_entities on named.entity = accruing_entities.entity
    left join mapped_accounts
        on
            named.entity = mapped_accounts.entity
            and named.product = mapped_accounts.product
    left join closing_rates
        on
            named.currency = closing_rates.currency
            and entities.functional_currency = closing_rates.functional_currency
            and named.last_day = closing_rates.rate_day
),

proposed as (
    select
        {{ dbt.concat(["'unbilled_accrual:'", "posted.period", "':'", "posted.subject", "':'", "posted.currency"]) }} as natural_id,
        false as is_sealed,
        posted.entity,
        posted.period,
        posted.last_day as posting_date,
        posted.line_key,
        posted.kind,
        posted.subject,
        posted.entry_customer_id as customer_id,
        posted.product,
        posted.currency,
        posted.functional_currency,
        posted.exchange_rate,
        posted.service_period_start,
        posted.service_period_end,
        posted.unbilled_account,
        posted.revenue_account,
        posted.rounding_account,
        posted.amount_minor,
        posted.hold_reason is not null or not posted.is_accruing as is_unaccruable,
        case
            when not posted.is_accruing then 'no_unbilled_account'
            when posted.hold_reason is not null then posted.hold_reason
            when posted.exchange_rate is null then 'missing_exchange_rate'
            when posted.unbilled_account is null or posted.revenue_account is null or posted.rounding_account is null then 'missing_account_mapping'
            when unbilled.account_code is null or revenue.account_code is null or rounding.account_code is null then 'unknown_account'
        end as hold_reason
    from posted
    left join accounts as unbilled
        on
            posted.entity = unbilled.entity
            and posted.unbilled_account = unbilled.account_code
    left join accounts as revenue
        on
            posted.entity = revenue.entity
            and posted.revenue_account = revenue.account_code
    left join accounts as rounding
        on
            posted.entity = rounding.entity
            and posted.rounding_account = rounding.account_code
),

-- One entry has one account of what is not billed for each line of revenue.
sealed_accounts as (
    select
        entity,
        natural_id,
        leg,
        account
    from sealed_lines
    where {{ matches('leg', '^unbilled:') }}
),

sealed as (
    select
        sealed_lines.natural_id,
        true as is_sealed,
        sealed_lines.entity,
        sealed_lines.period,
        sealed_lines.posting_date,
        sealed_lines.source_line_key as line_key,
        coalesce(line_deltas.kind, 'usage') as kind,
        sealed_lines.source_number as subject,
        sealed_lines.document_customer_id as customer_id,
        line_deltas.product,
        sealed_lines.currency,
        sealed_lines.functional_currency,
        sealed_lines.exchange_rate,
        sealed_lines.service_period_start,
        sealed_lines.service_period_end,
        sealed_accounts.account as unbilled_account,
        sealed_lines.account as revenue_account,
        cast(null as varchar) as rounding_account,
        cast(-sealed_lines.signed_minor as bigint) as amount_minor,
        false as is_unaccruable,
        cast(null as varchar) as hold_reason
    from sealed_lines
    left join sealed_accounts
        on
            sealed_lines.entity = sealed_accounts.entity
            and sealed_lines.natural_id = sealed_accounts.natural_id
            and {{ dbt.concat(["'unbilled:'", "sealed_lines.source_line_key"]) }} = sealed_accounts.leg
    left join line_deltas on sealed_lines.source_line_key = line_deltas.line_key
    where {{ matches('sealed_lines.leg', '^accrued:') }}
),

final as (
    select * from proposed
    union all
    select * from sealed
)

select * from final
