with

legs as (
    {{ posting_legs([
        'document_legs', 'opening_legs', 'recognition_legs', 'settlement_legs', 'breakage_legs', 'intercompany_legs', 'accrual_legs', 'revaluation_legs',
        'snapshot_legs'
    ]) }}
),

document_accounts as (
    select * from {{ ref('document_accounts') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

valued as (
    select
        legs.natural_id,
        legs.event,
        legs.reverses,
        legs.source_document,
        legs.source_number,
        legs.source_document_type,
        legs.entity,
        legs.posting_date,
        legs.currency,
        legs.functional_currency,
        legs.exchange_rate,
        legs.rounding_account,
        legs.leg,
        legs.account,
        legs.dimensions,
        legs.signed_minor,
        coalesce(
            legs.signed_functional_minor,
            {{ converted_minor('legs.signed_minor', 'legs.exchange_rate', 'transaction_currency', 'functional') }}
        ) as signed_functional_minor,
        legs.document_customer_id,
        legs.customer_id,
        legs.partner_entity,
        legs.source_line_key,
        legs.service_period_start,
        legs.service_period_end
    from legs
    inner join currencies as transaction_currency on legs.currency = transaction_currency.currency
    inner join currencies as functional on legs.functional_currency = functional.currency
    where
        legs.signed_minor <> 0
        or legs.signed_functional_minor <> 0
),

-- Converting each line rounds each line; what is left over is a line of its own, never hidden in another.
rounding_legs as (
    select
        natural_id,
        event,
        reverses,
        source_document,
        source_number,
        source_document_type,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        rounding_account,
        'currency_rounding' as leg,
        rounding_account as account,
        cast(null as varchar) as dimensions,
        cast(0 as bigint) as signed_minor,
        -sum(signed_functional_minor) as signed_functional_minor,
        document_customer_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as partner_entity,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from valued
    group by
        natural_id,
        event,
        reverses,
        source_document,
        source_number,
        source_document_type,
        entity,
        posting_date,
        currency,
        functional_currency,
        exchange_rate,
        rounding_account,
        document_customer_id
    having sum(signed_functional_minor) <> 0
),

all_legs as (
    select * from valued
    union all
    select * from rounding_legs
),

dimensioned as (
    select
        all_legs.*,
        case when all_legs.leg = 'currency_rounding' then document_accounts.rounding_dimensions else all_legs.dimensions end as line_dimensions
    from all_legs
    left join document_accounts on all_legs.source_document = document_accounts.business_key
),

final as (
    select
        {{ dbt.concat(["natural_id", "'#'", "leg"]) }} as line_key,
        natural_id,
        source_document,
        source_number,
        source_document_type,
        event,
        reverses,
        entity,
        posting_date,
        {{ period_of('posting_date') }} as period,
        currency,
        functional_currency,
        exchange_rate,
        account,
        line_dimensions as dimensions,
        case when signed_minor > 0 or (signed_minor = 0 and signed_functional_minor > 0) then 'debit' else 'credit' end as side,
        cast(abs(signed_minor) as bigint) as amount_minor,
        cast(abs(signed_functional_minor) as bigint) as functional_minor,
        cast(signed_minor as bigint) as signed_minor,
        cast(signed_functional_minor as bigint) as signed_functional_minor,
        leg = 'currency_rounding' as is_rounding,
        document_customer_id,
        customer_id,
        partner_entity,
        source_line_key,
        service_period_start,
        service_period_end
    from dimensioned
)

select * from final
