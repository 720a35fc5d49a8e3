{% macro recent_exchange_rates(wanted, exchange_rates, day) -%}
    {#- One row per wanted (currency, functional_currency, day) that has an approved rate: the latest that is not older than ``exchange_rate_days``. -#}
    select
        currency,
        functional_currency,
        {{ day }},
        cast(1 as {{ rate_type() }}) as exchange_rate,
        {{ day }} as rate_date
    from {{ wanted }}
    where currency = functional_currency
    union all
    select
        ranked.currency,
        ranked.functional_currency,
        ranked.{{ day }},
        ranked.exchange_rate,
        ranked.rate_date
    from (
        select
            wanted.currency,
            wanted.functional_currency,
            wanted.{{ day }},
            rates.exchange_rate,
            rates.rate_date,
            row_number() over (
                partition by wanted.currency, wanted.functional_currency, wanted.{{ day }}
                order by rates.rate_date desc
            ) as recency
        from {{ wanted }} as wanted
        inner join {{ exchange_rates }} as rates
            on
                wanted.currency = rates.from_currency
                and wanted.functional_currency = rates.to_currency
                and rates.rate_date <= wanted.{{ day }}
                and rates.rate_date >= {{ add_days('wanted.' ~ day, -1 * var('exchange_rate_days')) }}
        where wanted.currency <> wanted.functional_currency
    ) as ranked
    where ranked.recency = 1
{%- endmacro %}

{% macro converted_at(amount_minor, rate, functional_minor_units, minor_unit_value) -%}
    {#- An amount in minor units of the functional currency, rounded once. The rate is between minor units: 1 JPY is one minor unit, 1 USD is a hundred. -#}
    {{ apply_rate(
        amount_minor,
        "cast(" ~ rate ~ " as " ~ rate_type() ~ ") * cast(" ~ functional_minor_units ~ " as decimal(4, 0)) * cast(" ~ minor_unit_value ~ " as decimal(4, 3))"
    ) }}
{%- endmacro %}

{% macro converted_minor(amount_minor, exchange_rate, currency, functional) -%}
    {#- The same, where the two relations are rows of the currencies. -#}
    {{ converted_at(amount_minor, exchange_rate, functional ~ ".minor_units", currency ~ ".minor_unit_value") }}
{%- endmacro %}
