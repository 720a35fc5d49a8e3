{% macro comparison(left_side, right_side, checkpoint) -%}
    {#- A full outer join of two sides of one grain (entity, period, unit, measure, subject), so that what is missing on
        either side is a row and a NULL never passes silently. ``excused_value`` is listed timing, never tolerance. -#}
    select
        '{{ checkpoint }}' as checkpoint,
        coalesce(left_side.entity, right_side.entity) as entity,
        coalesce(left_side.period, right_side.period) as period,
        coalesce(left_side.measure, right_side.measure) as measure,
        coalesce(left_side.unit, right_side.unit) as unit,
        coalesce(left_side.subject, right_side.subject) as subject,
        cast(left_side.compared_value as {{ quantity_type() }}) as left_value,
        cast(right_side.compared_value as {{ quantity_type() }}) as right_value,
        cast(coalesce(left_side.excused_value, 0) as {{ quantity_type() }}) as excused_value,
        left_side.explanation,
        cast(
            coalesce(left_side.compared_value, 0) - coalesce(right_side.compared_value, 0) - coalesce(left_side.excused_value, 0)
            as {{ quantity_type() }}
        ) as difference,
        case
            when left_side.subject is null or left_side.compared_value is null then true
            when right_side.subject is null then left_side.must_exist or left_side.compared_value <> left_side.excused_value
            when right_side.compared_value is null then true
            else left_side.compared_value - left_side.excused_value <> right_side.compared_value
        end as is_break
    from {{ left_side }} as left_side
    full outer join {{ right_side }} as right_side
        on
            left_side.entity = right_side.entity
            and left_side.period = right_side.period
            and left_side.measure = right_side.measure
            and left_side.unit = right_side.unit
            and left_side.subject = right_side.subject
{%- endmacro %}

{% macro ledger_read_backs() -%}
    system not in ('stripe', 'stripe_platform')
{%- endmacro %}

{% macro latest_read_back(relation, condition) -%}
    {#- Each read-back is a whole snapshot of one entity and period; only a completed one counts, and of those the last. -#}
    select relation.*
    from {{ relation }} as relation
    inner join (
        select
            entity,
            period,
            max(read_id) as read_id
        from {{ source('read_backs', 'read_backs') }}
        where {{ condition }}
        group by
            entity,
            period
    ) as latest
        on
            relation.entity = latest.entity
            and relation.period = latest.period
            and relation.read_id = latest.read_id
{%- endmacro %}
