{#- Exact money. A quantity is decimal(38, 13), a unit price decimal(24, 12), a precise amount decimal(38, 25),
    an amount in minor units bigint. Nothing divides but the quotient macros. -#}

{% macro quantity_type() %}decimal(38, 13){% endmacro %}
{% macro unit_price_type() %}decimal(24, 12){% endmacro %}
{% macro precise_amount_type() %}decimal(38, 25){% endmacro %}
{% macro rate_type() %}decimal(18, 12){% endmacro %}

{% macro multiply_exact(quantity, unit_price) %}{{ return(adapter.dispatch('multiply_exact', 'tieout')(quantity, unit_price)) }}{% endmacro %}
{#- quantity x unit price, all 25 decimals kept; overflow is an error, never a squeezed scale. -#}
{% macro default__multiply_exact(quantity, unit_price) -%}
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

{% macro quotient(numerator, denominator, rounding) -%}
    {#- Integer division of a non-negative numerator in wide integers; rounding is a column: up, down or (else) half_up. -#}
    case {{ rounding }}
        when 'up' then {{ integer_quotient('cast(' ~ numerator ~ ' as ' ~ wide_integer() ~ ') + ' ~ denominator ~ ' - 1', denominator) }}
        when 'down' then {{ integer_quotient(numerator, denominator) }}
        else {{ half_up_quotient(numerator, denominator) }}
    end
{%- endmacro %}

{% macro scaled_quantity(quantity) -%}
    {#- A quantity as a whole number of 10^-13 units; through its text, for a product would not fit. -#}
    cast(replace(cast(cast({{ quantity }} as {{ quantity_type() }}) as varchar), '.', '') as {{ wide_integer() }})
{%- endmacro %}

{% macro unscaled_quantity(whole) -%}
    {#- A whole number of 10^-13 units as a quantity. -#}
    cast(cast({{ whole }} as decimal(38, 0)) * cast(0.0000000000001 as decimal(14, 13)) as {{ quantity_type() }})
{%- endmacro %}

{% macro scaled_unit_price(unit_price) -%}
    {#- A unit price as a whole number of 10^-12; through its text, for a product would not fit. -#}
    cast(replace(cast(cast({{ unit_price }} as {{ unit_price_type() }}) as varchar), '.', '') as {{ wide_integer() }})
{%- endmacro %}

{% macro product_fits(left, right, digits) -%}
    {#- Whether the product of two whole numbers has at most so many digits: told by a quotient, for the product itself might not fit. -#}
    (({{ right }}) = 0 or abs({{ left }}) <= {{ integer_quotient("cast('" ~ '9' * digits ~ "' as " ~ wide_integer() ~ ")", "nullif(abs(" ~ right ~ "), 0)") }})
{%- endmacro %}

{% macro power_of_ten(exponent) -%}
    {#- 10 to a small non-negative power, exactly. -#}
    cast('1' || repeat('0', cast({{ exponent }} as integer)) as {{ wide_integer() }})
{%- endmacro %}

{% macro percentage_of(amount, percent) -%}
    {#- A percentage (four decimals at most) of a precise amount, at eighteen decimals. -#}
    round(cast({{ amount }} as decimal(31, 18)) * cast({{ percent }} * cast(0.01 as decimal(3, 2)) as decimal(7, 6)), 18)
{%- endmacro %}

{% macro prorated_amount(amount, served_units, period_units) -%}
    {#- The part of an amount that was served, at twelve decimals, rounded once. -#}
    cast(cast(
        {{ half_up_quotient("cast(" ~ amount ~ " * 1000000000000 as " ~ wide_integer() ~ ") * " ~ served_units, period_units) }}
        as decimal(38, 0)
    ) * cast(0.000000000001 as decimal(13, 12)) as {{ precise_amount_type() }})
{%- endmacro %}

{% macro prorated_minor(amount, served_units, period_units, minor_units) -%}
    {#- The part of an amount that was served, in minor units, rounded once. -#}
    cast({{ half_up_quotient(
        "cast(" ~ amount ~ " * 1000000000000 as " ~ wide_integer() ~ ") * " ~ served_units ~ " * cast(" ~ minor_units ~ " as integer)",
        "cast(" ~ period_units ~ " as " ~ wide_integer() ~ ") * 1000000000000"
    ) }} as bigint)
{%- endmacro %}

{% macro fixed_month_days(day, days_in_month) -%}
    {#- The number of a day where every month has the same number of days; days beyond that count as the last one. -#}
    ({{ month_number(day) }} * {{ days_in_month }} + least(cast(extract(day from {{ day }}) as integer) - 1, {{ days_in_month }}))
{%- endmacro %}

{% macro to_minor(precise_amount, minor_units) -%}
    {#- A precise amount in minor units, rounded once, half away from zero (round() of a DECIMAL does that on every engine); at the
        decimals of the currency first, for a large amount with all its decimals would not fit once it is multiplied. -#}
    cast(case {{ minor_units }}
        when 1 then round({{ precise_amount }}, 0)
        when 100 then round({{ precise_amount }}, 2) * 100
        when 1000 then round({{ precise_amount }}, 3) * 1000
    end as bigint)
{%- endmacro %}

{% macro apply_rate(amount_minor, rate) -%}
    {#- An integer amount times a decimal fraction or exchange rate, rounded half away from zero. -#}
    cast(round(cast({{ amount_minor }} as decimal(19, 0)) * cast({{ rate }} as {{ rate_type() }}), 0) as bigint)
{%- endmacro %}

{% macro whole_rate(rate) -%}
    {#- A rate as a whole number of 10^-12; through its text, for a product would not fit. -#}
    cast(replace(cast(cast({{ rate }} as {{ rate_type() }}) as varchar), '.', '') as {{ wide_integer() }})
{%- endmacro %}

{% macro tax_within(gross_minor, rate, rounding) -%}
    {#- The tax within an amount that includes it, rounded once: the net is rounded and the tax is the rest, or (rounding is the column's
        word tax) the tax is rounded and the net is the rest. -#}
    cast(case {{ rounding }}
        when 'tax'
            then {{ half_up_quotient(
                "cast(" ~ gross_minor ~ " as " ~ wide_integer() ~ ") * " ~ whole_rate(rate), "(1000000000000 + " ~ whole_rate(rate) ~ ")"
            ) }}
        else {{ gross_minor }} - {{ half_up_quotient(
            "cast(" ~ gross_minor ~ " as " ~ wide_integer() ~ ") * 1000000000000", "(1000000000000 + " ~ whole_rate(rate) ~ ")"
        ) }}
    end as bigint)
{%- endmacro %}

{% macro charged_amount(amount_minor, tax_minor, tax_behavior) -%}
    {#- What a price charges for a line: the net, and the tax too where the price includes it. -#}
    ({{ amount_minor }} + case when {{ tax_behavior }} = 'inclusive' then {{ tax_minor }} else 0 end)
{%- endmacro %}

{% macro sum_whole(expression) -%}
    {#- The sum of integers as an integer again: engines widen it to types that readers turn into floating point. -#}
    cast(sum({{ expression }}) as bigint)
{%- endmacro %}
