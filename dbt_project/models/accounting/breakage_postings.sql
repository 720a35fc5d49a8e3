with

credit_grants as (
    {{ credit_grants(ref('stg_register_issued__billing_lines'), ref('stg_register_issued__openings')) }}
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
),

bought_lines as (
    select * from {{ ref('stg_register_issued__billing_lines') }}
    where
        kind = 'prepaid'
        and document_type = 'invoice'
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
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

landed_files as (
    select * from {{ ref('stg_product__landed_files') }}
),

sealed_lines as (
    select * from {{ ref('stg_register_issued__journal_lines') }}
    where event = 'breakage_recognised'
),

sealed_documents as (
    select * from {{ ref('stg_register_issued__documents') }}
    where document_type = 'journal_entry'
),

as_of as (
    select max(landed_on) as as_of from landed_files
),

balances as (
    {{ credit_balances('credit_grants', 'credit_applications') }}
),

last_restored as (
    select
        grant_id,
        max(posting_date) as restored_on
    from credit_applications
    where amount_minor < 0
    group by grant_id
),

-- What is sealed stays, as it was sealed.
sealed as (
    select
        sealed_lines.entity,
        sealed_lines.natural_id,
        sealed_lines.source_document,
        sealed_lines.posting_date,
        sealed_lines.currency,
        min({{ json_text('sealed_documents.payload', 'exchange_rate') }}) as exchange_rate,
        {% for leg in ['contract_liability', 'breakage_revenue'] %}
            max(case when {{ is_leg(leg, 'sealed_lines') }} then sealed_lines.account end) as {{ leg }}_account,
            max(case when {{ is_leg(leg, 'sealed_lines') }} then sealed_lines.dimensions end) as {{ leg }}_dimensions,
        {% endfor %}
        {{ sum_whole(
            "case when sealed_lines.line_key <> " ~ dbt.concat(["sealed_lines.natural_id", "'#contract_liability'"])
            ~ " then 0 when sealed_lines.side = 'debit' then sealed_lines.amount_minor else -sealed_lines.amount_minor end"
        ) }} as amount_minor
    from sealed_lines
    inner join sealed_documents on sealed_lines.document_position = sealed_documents.document_position
    group by
        sealed_lines.entity,
        sealed_lines.natural_id,
        sealed_lines.source_document,
        sealed_lines.posting_date,
        sealed_lines.currency
),

already_broken as (
    select
        source_document,
        count(*) as entry_count,
        sum(amount_minor) as amount_minor
    from sealed
    group by source_document
),

paid_grants as (
    select
        balances.*,
        {{ dbt.concat(["'grant:'", "balances.grant_id"]) }} as source_document,
        coalesce(customers.country, '*') as country,
        entities.functional_currency,
        entities.first_open_month,
        bought_lines.exchange_rate as purchase_exchange_rate,
        {{ json_text('bought_lines.account_dimensions', 'revenue') }} as purchase_dimensions
    from balances
    inner join entities on balances.entity = entities.entity
    left join customers on balances.customer_id = customers.customer_id
    left join bought_lines on balances.grant_id = bought_lines.document_line_key
    where balances.kind = 'paid'
),

-- What a credit memo gives back to a grant that has expired is broken again, in the month of the memo; what it takes off the purchase is taken back.
due as (
    select
        paid_grants.*,
        coalesce(already_broken.entry_count, 0) as entry_count,
        paid_grants.balance_minor - coalesce(already_broken.amount_minor, 0) as amount_minor,
        greatest(
            paid_grants.expires_on,
            coalesce(last_restored.restored_on, paid_grants.expires_on),
            coalesce(paid_grants.first_open_month, paid_grants.expires_on)
        ) as posting_date
    from paid_grants
    cross join as_of
    left join already_broken on paid_grants.source_document = already_broken.source_document
    left join last_restored on paid_grants.grant_id = last_restored.grant_id
    where
        paid_grants.expires_on <= as_of.as_of
        and paid_grants.balance_minor <> coalesce(already_broken.amount_minor, 0)
        and '{{ var("breakage_policy") }}' = 'on_expiry'
),

wanted as (
    select distinct
        entity,
        product,
        country,
        {{ month_start('posting_date') }} as document_month,
        {{ add_days(add_months(month_start('posting_date'), 1), -1) }} as document_date
    from due
),

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'breakage_recognised'", country='wanted.country') }}
),

wanted_rates as (
    select distinct
        currency,
        functional_currency,
        expires_on
    from due
    where currency <> functional_currency
),

recent_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'expires_on') }}
),

-- What was bought goes at the rate that it was bought at.
proposed as (
    select
        {{ dbt.concat(["due.source_document", "':broken:'", "cast(due.entry_count + 1 as varchar)"]) }} as natural_id,
        due.source_document,
        due.entity,
        due.posting_date,
        due.currency,
        case
            when due.currency = due.functional_currency then '1'
            else coalesce(due.purchase_exchange_rate, {{ decimal_text('recent_rates.exchange_rate') }})
        end as exchange_rate,
        coalesce(due.liability_account, liability.account_code) as contract_liability_account,
        case when due.liability_account is null then liability.dimensions else due.purchase_dimensions end as contract_liability_dimensions,
        revenue.account_code as breakage_revenue_account,
        revenue.dimensions as breakage_revenue_dimensions,
        due.amount_minor,
        case
            when due.liability_account is null and liability.hold_reason is not null then liability.hold_reason
            when revenue.hold_reason is not null then revenue.hold_reason
            when coalesce(due.liability_account, liability.account_code) is null or revenue.account_code is null then 'missing_account_mapping'
            when due.currency <> due.functional_currency and due.purchase_exchange_rate is null and recent_rates.exchange_rate is null
                then 'missing_exchange_rate'
        end as hold_reason
    from due
    left join mapped as liability
        on
            due.entity = liability.entity
            and due.product = liability.product
            and due.country = liability.country
            and {{ month_start('due.posting_date') }} = liability.document_month
            and liability.posting_role = 'contract_liability'
    left join mapped as revenue
        on
            due.entity = revenue.entity
            and due.product = revenue.product
            and due.country = revenue.country
            and {{ month_start('due.posting_date') }} = revenue.document_month
            and revenue.posting_role = 'breakage_revenue'
    left join recent_rates
        on
            due.currency = recent_rates.currency
            and due.functional_currency = recent_rates.functional_currency
            and due.expires_on = recent_rates.expires_on
),

entries as (
    select
        natural_id,
        source_document,
        entity,
        posting_date,
        currency,
        exchange_rate,
        contract_liability_account,
        contract_liability_dimensions,
        breakage_revenue_account,
        breakage_revenue_dimensions,
        amount_minor,
        true as is_posted,
        cast(null as varchar) as hold_reason
    from sealed
    union all
    select
        natural_id,
        source_document,
        entity,
        posting_date,
        currency,
        exchange_rate,
        contract_liability_account,
        contract_liability_dimensions,
        breakage_revenue_account,
        breakage_revenue_dimensions,
        amount_minor,
        false as is_posted,
        hold_reason
    from proposed
),

final as (
    select
        entries.natural_id,
        entries.source_document,
        paid_grants.grant_id,
        entries.entity,
        paid_grants.customer_id,
        paid_grants.product,
        entries.currency,
        paid_grants.functional_currency,
        entries.exchange_rate,
        cast(entries.amount_minor as bigint) as amount_minor,
        entries.is_posted,
        entries.posting_date,
        {{ period_of('entries.posting_date') }} as period,
        entries.contract_liability_account,
        entries.contract_liability_dimensions,
        entries.breakage_revenue_account,
        entries.breakage_revenue_dimensions,
        entries.hold_reason
    from entries
    inner join paid_grants on entries.source_document = paid_grants.source_document
)

select * from final
