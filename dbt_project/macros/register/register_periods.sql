{#- The journal entries that a soft closed period still takes, as the register has it (records.SOFT_CLOSE_CAUSES). -#}
{% macro soft_close_causes() %}'unbilled_receivables_accrued', 'receivables_revalued', 'write_off'{% endmacro %}

{% macro latest_period_statuses(periods) -%}
    {#- One row per legal entity and period that was ever opened or closed: its last change of status. -#}
    select
        ranked.entity,
        ranked.period,
        ranked.status,
        ranked.landing_position
    from (
        select
            changes.*,
            row_number() over (partition by changes.entity, changes.period order by changes.position desc) as recency
        from {{ periods }} as changes
    ) as ranked
    where ranked.recency = 1
{%- endmacro %}

{% macro register_entities(phase) -%}
{#- The legal entities with their first open accounting period, as the register has it in this phase. -#}
with

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

latest_status as (
    {{ latest_period_statuses(source('register_' ~ phase, 'periods')) }}
),

last_closed as (
    select
        entity,
        max(cast(period || '-01' as date)) as last_closed_month
    from latest_status
    where status <> 'open'
    group by entity
),

final as (
    select
        entities.entity,
        entities.functional_currency,
        entities.functional_exponent,
        entities.functional_minor_units,
        entities.country,
        entities.tax_rounding,
        entities.inclusive_tax_rounding,
        entities.posting_granularity,
        entities.ledger,
        entities.cutover_on,
        coalesce({{ add_months('last_closed.last_closed_month', 1) }}, {{ month_start('entities.cutover_on') }}) as first_open_month
    from entities
    left join last_closed on entities.entity = last_closed.entity
)

select * from final
{%- endmacro %}
