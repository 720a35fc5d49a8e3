with

latest as (
    {{ latest_landed(source('raw_finance', 'payments'), ['entity_id', 'payment_id']) }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

typed as (
    select
        payment_id,
        {{ blank_to_null('entity_id') }} as entity,
        {{ blank_to_null('invoice') }} as invoice,
        upper({{ blank_to_null('currency') }}) as currency,
        {{ safe_cast_to(blank_to_null('amount'), quantity_type()) }} as amount,
        {{ safe_cast_to(blank_to_null('paid_on'), 'date') }} as paid_on,
        lower(coalesce({{ blank_to_null('status') }}, 'paid')) as status,
        {{ safe_cast_to(blank_to_null('functional_amount'), quantity_type()) }} as functional_amount,
        {{ blank_to_null('functional_amount') }} is not null as states_functional_amount,
        {{ blank_to_null('method') }} as method,
        file_name,
        line_number
    from latest
),

valued as (
    select
        typed.*,
        -- Beyond this the amount would not fit.
        case
            when abs(typed.amount) < 1000000000000
                then {{ to_minor('typed.amount', 'currencies.minor_units') }}
        end as amount_minor,
        case
            when abs(typed.functional_amount) < 1000000000000
                then {{ to_minor('typed.functional_amount', 'entities.functional_minor_units') }}
        end as functional_minor,
        currencies.minor_units,
        entities.functional_currency,
        entities.functional_minor_units,
        entities.entity is not null as is_known_entity
    from typed
    left join currencies on typed.currency = currencies.currency
    left join entities on typed.entity = entities.entity
),

final as (
    select
        payment_id,
        entity,
        invoice,
        currency,
        amount,
        amount_minor,
        functional_minor,
        paid_on,
        status,
        method,
        file_name,
        line_number,
        case
            when not is_known_entity then 'unknown_entity'
            when invoice is null then 'missing_invoice'
            when minor_units is null then 'unknown_currency'
            when status not in ('paid', 'failed', 'refunded', 'withdrawn') then 'unknown_word'
            when paid_on is null then 'not_a_date'
            when amount is null then 'not_a_number'
            when amount <= 0 then 'not_positive'
            when amount_minor is null then 'amount_out_of_range'
            when amount * cast(minor_units as decimal(4, 0)) <> amount_minor then 'fraction_of_minor_unit'
            when states_functional_amount and functional_amount is null then 'not_a_number'
            when functional_amount <= 0 then 'not_positive'
            when states_functional_amount and functional_minor is null then 'amount_out_of_range'
            when functional_amount * cast(functional_minor_units as decimal(4, 0)) <> functional_minor then 'fraction_of_minor_unit'
            when currency = functional_currency and functional_minor <> amount_minor then 'two_amounts_of_one_currency'
        end as violation
    from valued
)

select * from final
