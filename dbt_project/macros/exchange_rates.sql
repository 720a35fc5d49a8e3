{% macro recent_exchange_rates(wanted, exchange_rates) -%}
    {#- One row per wanted (currency, functional_currency, rate_day) that has a rate: the latest that is not older than ``exchange_rate_days``. -#}
    select
        currency,
        functional_currency,
        rate_day,
        cast(1 as {{ rate_type() }}) as exchange_rate,
        rate_day as rate_date
    from {{ wanted }}
    where currency = functional_currency
    union all
    select
        ranked.currency,
        ranked.functional_currency,
        ranked.rate_day,
        ranked.exchange_rate,
        ranked.rate_date
    from (
        select
            wanted.currency,
            wanted.functional_currency,
            wanted.rate_day,
            rates.exchange_rate,
            rates.rate_date,
            row_number() over (
                partition by wanted.currency, wanted.functional_currency, wanted.rate_day
                order by rates.rate_date desc
            ) as recency
        from {{ wanted }} as wanted
        inner join {{ exchange_rates }} as rates
            on
                wanted.currency = rates.from_currency
                and wanted.functional_currency = rates.to_currency
                and rates.rate_date <= wanted.rate_day
                and rates.rate_date >= {{ add_days('wanted.rate_day', -1 * var('exchange_rate_days')) }}
        where wanted.currency <> wanted.functional_currency
    ) as ranked
    where ranked.recency = 1
{%- endmacro %}

{% macro ranked_exchange_rates(wanted, exchange_rates, day) -%}
    {#- The approved rates of each wanted (currency, functional_currency, day), the latest first (recency 1); none is older than exchange_rate_days. -#}
    select
        {{ wanted }}.currency,
        {{ wanted }}.functional_currency,
        {{ wanted }}.{{ day }},
        {{ exchange_rates }}.exchange_rate,
        {{ exchange_rates }}.rate_date,
        row_number() over (
            partition by {{ wanted }}.currency, {{ wanted }}.functional_currency, {{ wanted }}.{{ day }}
            order by {{ exchange_rates }}.rate_date desc
        ) as recency
    from {{ wanted }}
    inner join {{ exchange_rates }}
        on
            {{ wanted }}.currency = {{ exchange_rates }}.from_currency
            and {{ wanted }}.functional_currency = {{ exchange_rates }}.to_currency
            and {{ exchange_rates }}.rate_date <= {{ wanted }}.{{ day }}
            and {{ exchange_rates }}.rate_date >= {{ add_days(wanted ~ '.' ~ day, -1 * var('exchange_rate_days')) }}
{%- endmacro %}

{% macro converted_minor(amount_minor, exchange_rate, currency, functional) -%}
    {#- An amount in minor units of the functional currency, rounded once; the two relations are rows of the currencies. The rate is between minor
        units: 1 JPY is one minor unit, 1 USD is a hundred. -#}
    {{ apply_rate(
        amount_minor,
        "cast(" ~ exchange_rate ~ " as " ~ rate_type() ~ ") * cast(" ~ functional ~ ".minor_units as decimal(4, 0)) * cast(" ~ currency ~ ".minor_unit_value as decimal(4, 3))"
    ) }}
{%- endmacro %}
