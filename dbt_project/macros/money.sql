{#- Exact money. A quantity is decimal(38, 12), a unit price decimal(24, 12), a precise amount decimal(38, 24),
    an amount in minor units bigint. Nothing divides but half_up_quotient. -#}

{% macro quantity_type() %}decimal(38, 12){% endmacro %}
{% macro unit_price_type() %}decimal(24, 12){% endmacro %}
{% macro precise_amount_type() %}decimal(38, 24){% endmacro %}
{% macro rate_type() %}decimal(18, 12){% endmacro %}

{% macro multiply_exact(quantity, unit_price) %}{{ return(adapter.dispatch('multiply_exact', 'tieout')(quantity, unit_price)) }}{% endmacro %}
{#- quantity x unit price, all 24 decimals kept; overflow is an error, never a squeezed scale. -#}
{% macro duckdb__multiply_exact(quantity, unit_price) -%}
    (cast({{ quantity }} as {{ quantity_type() }}) * cast({{ unit_price }} as {{ unit_price_type() }}))
{%- endmacro %}

{% macro half_up_quotient(numerator, denominator) -%}
    {#- Integer division rounded half away from zero, in wide integers; the denominator is positive. -#}
    case
        when ({{ numerator }}) >= 0
            then {{ integer_quotient('2 * cast(' ~ numerator ~ ' as ' ~ wide_integer() ~ ') + ' ~ denominator, '2 * cast(' ~ denominator ~ ' as ' ~ wide_integer() ~ ')') }}
        else -{{ integer_quotient('-2 * cast(' ~ numerator ~ ' as ' ~ wide_integer() ~ ') + ' ~ denominator, '2 * cast(' ~ denominator ~ ' as ' ~ wide_integer() ~ ')') }}
    end
{%- endmacro %}

{% macro to_minor(precise_amount, minor_units) -%}
    {#- A precise amount in minor units, rounded once, half away from zero (round() of a DECIMAL does that on every engine). -#}
    cast(round({{ precise_amount }} * cast({{ minor_units }} as decimal(4, 0)), 0) as bigint)
{%- endmacro %}

{% macro apply_rate(amount_minor, rate) -%}
    {#- An integer amount times a decimal fraction or exchange rate, rounded half away from zero. -#}
    cast(round(cast({{ amount_minor }} as decimal(19, 0)) * cast({{ rate }} as {{ rate_type() }}), 0) as bigint)
{%- endmacro %}

{% macro sum_whole(expression) -%}
    {#- The sum of integers as an integer again: engines widen it to types that readers turn into floating point. -#}
    cast(sum({{ expression }}) as bigint)
{%- endmacro %}
