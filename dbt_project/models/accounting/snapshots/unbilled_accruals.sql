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

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'unbilled_receivables_accrued'") }}
),

serving as (
    select
        entity,
        {% for role in ['unbilled_receivable', 'usage_revenue', 'subscription_revenue', 'currency_rounding'] %}
            max(case when posting_role = '{{ role }}' then account_code end) as {{ role }}_account,
            max(case when posting_role = '{{ role }}' then dimensions end) as {{ role }}_dimensions,
            max(case when posting_role = '{{ role }}' then hold_reason end) as {{ role }}_hold_reason,
        {% endfor %}
        product
    from mapped
    group by
        entity,
        product
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
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'rate_day') }}
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
        serving.unbilled_receivable_account as unbilled_account,
        serving.unbilled_receivable_dimensions as unbilled_dimensions,
        case named.kind when 'fee' then serving.subscription_revenue_account else serving.usage_revenue_account end as revenue_account,
        case named.kind when 'fee' then serving.subscription_revenue_dimensions else serving.usage_revenue_dimensions end as revenue_dimensions,
        serving.currency_rounding_account as rounding_account,
        coalesce(
            serving.unbilled_receivable_hold_reason,
            case named.kind when 'fee' then serving.subscription_revenue_hold_reason else serving.usage_revenue_hold_reason end,
            serving.currency_rounding_hold_reason
        ) as mapping_hold_reason,
        accruing_entities.entity is not null as is_accruing
    from named
    inner join entities on named.entity = entities.entity
    left join accruing_entities on named.entity = accruing_entities.entity
    left join serving
        on
            named.entity = serving.entity
            and named.product = serving.product
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
        posted.unbilled_dimensions,
        posted.revenue_account,
        posted.revenue_dimensions,
        posted.rounding_account,
        posted.amount_minor,
        posted.hold_reason is not null or not posted.is_accruing as is_unaccruable,
        case
            when not posted.is_accruing then 'no_unbilled_account'
            when posted.hold_reason is not null then posted.hold_reason
            when posted.exchange_rate is null then 'missing_exchange_rate'
            when posted.mapping_hold_reason is not null then posted.mapping_hold_reason
            when posted.unbilled_account is null or posted.revenue_account is null or posted.rounding_account is null then 'missing_account_mapping'
        end as hold_reason
    from posted
),

-- One entry has one account of what is not billed for each line of revenue.
sealed_accounts as (
    select
        entity,
        natural_id,
        leg,
        account,
        dimensions
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
        sealed_accounts.dimensions as unbilled_dimensions,
        sealed_lines.account as revenue_account,
        sealed_lines.dimensions as revenue_dimensions,
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
