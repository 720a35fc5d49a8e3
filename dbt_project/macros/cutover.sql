{#- What the former system hands over at cutover: its amounts, and what is sealed of them. -#}

{% macro opened_amounts(typed) -%}
    {#- The rows of a delivery with their amounts in minor units of both currencies. ``typed`` has entity, currency, amount, functional_amount and
        exchange_rate, and the texts that the last two were read from. What was carried in the functional currency is kept by its rate: converting
        the amount gives it back. A row of zero opens nothing, which is how one is withdrawn. -#}
    select
        valued.*,
        case
            when not is_known_entity then 'unknown_entity'
            when not has_cutover then 'missing_cutover'
            when minor_units is null then 'unknown_currency'
            when
                amount is null
                or (functional_amount is null and functional_text is not null)
                or (stated_rate is null and rate_text is not null)
                then 'not_a_number'
            when amount_minor is null then 'amount_out_of_range'
            when amount * cast(minor_units as decimal(4, 0)) <> amount_minor then 'fraction_of_minor_unit'
            when amount_minor = 0 then null
            when currency <> functional_currency and functional_amount is null and stated_rate is null then 'missing_carried_amount'
            when stated_rate <= 0 then 'not_positive'
            when exchange_rate is null or functional_minor is null then 'amount_out_of_range'
            when
                functional_amount * cast(functional_minor_units as decimal(4, 0)) <> functional_minor
                or (functional_minor > 0) <> (amount_minor > 0)
                or {{ converted_at('amount_minor', 'coalesce(stated_rate, exchange_rate)', 'functional_minor_units', 'minor_unit_value') }} <> functional_minor
                then 'carried_amount_differs'
        end as amount_violation
    from (
        select
            measured.*,
            case
                when currency = functional_currency then amount_minor
                when functional_amount is not null then functional_stated_minor
                when abs(stated_rate) < 100000
                    then {{ converted_at('amount_minor', 'stated_rate', 'functional_minor_units', 'minor_unit_value') }}
            end as functional_minor,
            case
                when currency = functional_currency then cast(1 as {{ rate_type() }})
                when stated_rate is not null then cast(stated_rate as {{ rate_type() }})
                when
                    amount_minor <> 0
                    and functional_stated_minor <> 0
                    and abs(cast(functional_stated_minor as {{ wide_integer() }})) * minor_units
                    < 100000 * abs(cast(amount_minor as {{ wide_integer() }})) * functional_minor_units
                    then cast(cast({{ half_up_quotient(
                        "abs(cast(functional_stated_minor as " ~ wide_integer() ~ ")) * 1000000000000 * minor_units",
                        "(abs(cast(amount_minor as " ~ wide_integer() ~ ")) * functional_minor_units)"
                    ) }} as decimal(38, 0)) * cast(0.000000000001 as decimal(13, 12)) as {{ rate_type() }})
            end as exchange_rate
        from (
            select
                typed.*,
                entities.entity is not null as is_known_entity,
                entities.cutover_on > cast('1970-01-01' as date) as has_cutover,
                {{ month_start('entities.cutover_on') }} as opening_date,
                entities.functional_currency,
                entities.functional_minor_units,
                currencies.minor_units,
                currencies.minor_unit_value,
                currencies.exponent as currency_exponent,
                -- Beyond this an amount would not fit.
                case when abs(typed.amount) < 1000000000000 then {{ to_minor('typed.amount', 'currencies.minor_units') }} end as amount_minor,
                case
                    when abs(typed.functional_amount) < 1000000000000
                        then {{ to_minor('typed.functional_amount', 'entities.functional_minor_units') }}
                end as functional_stated_minor
            from {{ typed }} as typed
            left join {{ ref('stg_crm__legal_entities') }} as entities on typed.entity = entities.entity
            left join {{ ref('currencies') }} as currencies on typed.currency = currencies.currency
        ) as measured
    ) as valued
{%- endmacro %}

{% macro typed_amounts(amount_column) -%}
    {#- The columns that opened_amounts reads, of a delivered row. -#}
    {{ safe_cast_to(blank_to_null(amount_column), quantity_type()) }} as amount,
        {{ safe_cast_to(blank_to_null('functional_amount'), quantity_type()) }} as functional_amount,
        {{ blank_to_null('functional_amount') }} as functional_text,
        {{ safe_cast_to(blank_to_null('exchange_rate'), rate_type()) }} as stated_rate,
        {{ blank_to_null('exchange_rate') }} as rate_text
{%- endmacro %}
