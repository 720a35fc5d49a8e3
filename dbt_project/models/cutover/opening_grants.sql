with

credit_grants as (
    select * from {{ ref('stg_billing__credit_grants') }}
    where
        violation is null
        and kind = 'paid'
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
),

-- Whoever delivers nothing of the former system opens nothing, and its prepaid grants are booked elsewhere.
opened_entities as (
    {% for relation in ['stg_cutover__open_items', 'stg_cutover__deferred_revenue', 'stg_cutover__billed_lines', 'stg_cutover__balances'] %}
        select entity from {{ ref(relation) }}
        {{ 'union' if not loop.last }}
    {% endfor %}
),

-- What was paid for before the cutover is owed at it, and worth what it was on the day before.
owed_grants as (
    select
        customers.entity,
        credit_grants.grant_id,
        credit_grants.customer_id,
        credit_grants.product,
        credit_grants.currency,
        credit_grants.granted_minor,
        credit_grants.file_name,
        credit_grants.line_number,
        currencies.exponent as currency_exponent,
        currencies.minor_unit_value,
        entities.functional_currency,
        entities.functional_minor_units,
        {{ month_start('entities.cutover_on') }} as opening_date,
        {{ add_days(month_start('entities.cutover_on'), -1) }} as valued_on
    from credit_grants
    inner join customers on credit_grants.customer_id = customers.customer_id
    inner join opened_entities on customers.entity = opened_entities.entity
    inner join entities on customers.entity = entities.entity
    inner join currencies on credit_grants.currency = currencies.currency
    where credit_grants.granted_on < {{ month_start('entities.cutover_on') }}
),

wanted_rates as (
    select distinct
        currency,
        functional_currency,
        valued_on
    from owed_grants
),

recent_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'valued_on') }}
),

final as (
    select
        owed_grants.entity,
        owed_grants.grant_id,
        owed_grants.customer_id,
        owed_grants.product,
        owed_grants.currency,
        owed_grants.currency_exponent,
        owed_grants.functional_currency,
        recent_rates.exchange_rate,
        owed_grants.opening_date,
        owed_grants.granted_minor,
        {{ converted_at('owed_grants.granted_minor', 'recent_rates.exchange_rate', 'owed_grants.functional_minor_units', 'owed_grants.minor_unit_value') }}
            as functional_minor,
        owed_grants.file_name,
        owed_grants.line_number
    from owed_grants
    left join recent_rates
        on
            owed_grants.currency = recent_rates.currency
            and owed_grants.functional_currency = recent_rates.functional_currency
            and owed_grants.valued_on = recent_rates.valued_on
)

select * from final
