with

line_deltas as (
    select * from {{ ref('line_deltas') }}
    where delta_minor > 0
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

tax_treatments as (
    select * from {{ ref('line_tax_treatments') }}
),

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
),

resolved_accounts as (
    select * from {{ ref('resolved_accounts') }}
),

open_credit_grants as (
    select * from {{ ref('open_credit_grants') }}
),

agreements as (
    select * from {{ ref('stg_finance__intercompany_agreements') }}
),

refused_grants as (
    select distinct customer_id
    from {{ ref('stg_billing__credit_grants') }}
    where violation is not null
),

dated as (
    select
        line_deltas.*,
        entities.functional_currency,
        entities.functional_minor_units,
        entities.tax_rounding,
        entities.inclusive_tax_rounding,
        currencies.exponent as currency_exponent,
        currencies.minor_unit_value
    from line_deltas
    left join entities on line_deltas.entity = entities.entity
    left join currencies on line_deltas.currency = currencies.currency
),

wanted_rates as (
    select distinct
        currency,
        functional_currency,
        document_date
    from dated
    where currency <> functional_currency
),

recent_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'document_date') }}
),

wanted_sellers as (
    select distinct
        entity,
        product,
        document_month,
        document_date
    from dated
),

ranked_sellers as (
    {{ ranked_agreements('wanted_sellers', 'agreements') }}
),

accounts as (
    select
        entity,
        product,
        country,
        document_month,
        max(case when posting_role = 'receivable' then account_code end) as receivable_account,
        max(case when posting_role = 'usage_revenue' then account_code end) as usage_revenue_account,
        max(case when posting_role = 'subscription_revenue' then account_code end) as subscription_revenue_account,
        max(case when posting_role = 'deferred_revenue' then account_code end) as deferred_account,
        max(case when posting_role = 'tax_payable' then account_code end) as tax_account,
        max(case when posting_role = 'currency_rounding' then account_code end) as rounding_account,
        max(case when posting_role = 'contract_liability' then account_code end) as contract_liability_account,
        max(case when posting_role = 'receivable' then dimensions end) as receivable_dimensions,
        max(case when posting_role = 'usage_revenue' then dimensions end) as usage_revenue_dimensions,
        max(case when posting_role = 'subscription_revenue' then dimensions end) as subscription_revenue_dimensions,
        max(case when posting_role = 'deferred_revenue' then dimensions end) as deferred_dimensions,
        max(case when posting_role = 'tax_payable' then dimensions end) as tax_dimensions,
        max(case when posting_role = 'currency_rounding' then dimensions end) as rounding_dimensions,
        max(case when posting_role = 'contract_liability' then dimensions end) as contract_liability_dimensions,
        min(hold_reason) as hold_reason
    from resolved_accounts
    where
        posting_role in (
            'receivable', 'usage_revenue', 'subscription_revenue', 'deferred_revenue', 'tax_payable', 'currency_rounding', 'contract_liability'
        )
    group by
        entity,
        product,
        country,
        document_month
),

-- Credits that a document may be settled with need their accounts as well.
credits_without_account as (
    select
        dated.line_key,
        coalesce(min(resolved_accounts.hold_reason), 'missing_account_mapping') as hold_reason
    from dated
    inner join open_credit_grants
        on
            dated.bill_to_customer_id = open_credit_grants.customer_id
            and dated.entity = open_credit_grants.entity
            and dated.currency = open_credit_grants.currency
            and dated.document_date >= open_credit_grants.granted_on
            and (dated.document_date < open_credit_grants.expires_on or open_credit_grants.expires_on is null)
    left join resolved_accounts
        on
            dated.entity = resolved_accounts.entity
            and open_credit_grants.product = resolved_accounts.product
            and open_credit_grants.country = resolved_accounts.country
            and dated.document_month = resolved_accounts.document_month
            and resolved_accounts.posting_role = {{ credit_role('open_credit_grants.kind') }}
    where
        open_credit_grants.liability_account is null
        and dated.kind <> 'prepaid'
        and (resolved_accounts.account_code is null or resolved_accounts.hold_reason is not null)
    group by dated.line_key
),

final as (
    select
        dated.line_key,
        dated.group_key,
        dated.kind,
        dated.customer_id,
        dated.bill_to_customer_id,
        dated.entity,
        dated.country,
        dated.currency,
        dated.currency_exponent,
        dated.functional_currency,
        case when dated.currency = dated.functional_currency then cast(1 as {{ rate_type() }}) else recent_rates.exchange_rate end as exchange_rate,
        case when dated.currency = dated.functional_currency then dated.document_date else recent_rates.rate_date end as exchange_rate_date,
        dated.subscription_id,
        dated.charge_id,
        dated.meter,
        dated.product,
        dated.description,
        dated.service_period_start,
        dated.service_period_end,
        dated.billing_month,
        dated.document_month,
        dated.document_date,
        dated.quantity,
        dated.event_count,
        dated.price_version,
        dated.amount_precise,
        dated.rated_minor,
        dated.issued_minor,
        dated.delta_minor as charged_minor,
        dated.was_issued,
        dated.was_billed_when_due,
        dated.is_due_early,
        dated.fingerprint,
        dated.tax_code,
        dated.tax_behavior,
        dated.tax_rounding,
        dated.inclusive_tax_rounding,
        tax_treatments.tax_treatment,
        tax_treatments.exemption_reason,
        tax_treatments.exemption_certificate,
        tax_treatments.customer_tax_id,
        tax_treatments.tax_rate,
        accounts.receivable_account,
        case dated.kind
            when 'fee' then accounts.subscription_revenue_account
            when 'prepaid' then accounts.contract_liability_account
            else accounts.usage_revenue_account
        end as revenue_account,
        accounts.deferred_account,
        accounts.tax_account,
        accounts.rounding_account,
        {{ selling_entity('ranked_sellers') }} as selling_entity,
        {{ transfer_share('ranked_sellers') }} as transfer_share,
        {{ account_dimensions({
            "receivable": "accounts.receivable_dimensions",
            "revenue": "case dated.kind when 'fee' then accounts.subscription_revenue_dimensions when 'prepaid' then accounts.contract_liability_dimensions else accounts.usage_revenue_dimensions end",
            "deferred": "accounts.deferred_dimensions",
            "tax": "accounts.tax_dimensions",
            "rounding": "accounts.rounding_dimensions",
        }) }} as account_dimensions,
        case
            when dated.hold_reason is not null then dated.hold_reason
            when dated.bill_to_hold_reason is not null then dated.bill_to_hold_reason
            when refused_grants.customer_id is not null then 'refused_credit_grant'
            when tax_treatments.hold_reason is not null then tax_treatments.hold_reason
            when dated.currency <> dated.functional_currency and recent_rates.exchange_rate is null then 'missing_exchange_rate'
            when accounts.hold_reason is not null then accounts.hold_reason
            when
                accounts.receivable_account is null or accounts.deferred_account is null
                or accounts.tax_account is null or accounts.rounding_account is null
                or (dated.kind = 'fee' and accounts.subscription_revenue_account is null)
                or (dated.kind in ('usage', 'adjustment') and accounts.usage_revenue_account is null)
                or (dated.kind = 'prepaid' and accounts.contract_liability_account is null)
                then 'missing_account_mapping'
            when ranked_sellers.violation is not null then 'refused_agreement'
            else credits_without_account.hold_reason
        end as hold_reason,
        dated.gross_minor,
        dated.discount_minor
    from dated
    left join recent_rates
        on
            dated.currency = recent_rates.currency
            and dated.functional_currency = recent_rates.functional_currency
            and dated.document_date = recent_rates.document_date
    left join accounts
        on
            dated.entity = accounts.entity
            and dated.product = accounts.product
            and coalesce(dated.country, '*') = accounts.country
            and dated.document_month = accounts.document_month
    left join ranked_sellers
        on
            dated.entity = ranked_sellers.entity
            and dated.product = ranked_sellers.product
            and dated.document_month = ranked_sellers.document_month
            and dated.document_date = ranked_sellers.document_date
            and ranked_sellers.preference = 1
    left join refused_grants on dated.bill_to_customer_id = refused_grants.customer_id
    left join credits_without_account on dated.line_key = credits_without_account.line_key
    left join tax_treatments on dated.line_key = tax_treatments.line_key
)

select * from final
