with

lines as (
    select * from {{ ref('numbered_invoice_lines') }}
    where tax_treatment = 'taxed'
),

tax_rates as (
    select * from {{ ref('stg_finance__tax_rates') }}
),

-- What is rounded together: a document, or a line of it where the policy says so, in one country.
taxed as (
    select
        lines.document_line_key,
        lines.natural_id,
        lines.line_key,
        lines.entity,
        lines.currency,
        lines.charged_minor,
        lines.tax_code,
        lines.tax_behavior,
        lines.inclusive_tax_rounding,
        {{ dbt.concat([
            "lines.entity", "'/'", "lines.natural_id", "'/'", "lines.currency", "'/'", "lines.country",
            "case when lines.tax_rounding = 'line' then '/' || lines.line_key else '' end"
        ]) }} as rounding_unit,
        tax_rates.tax_component,
        tax_rates.tax_rate
    from lines
    inner join tax_rates
        on
            lines.entity = tax_rates.entity
            and lines.country = tax_rates.country
            and lines.tax_code = tax_rates.tax_code
            and lines.document_date >= tax_rates.effective_from
            and (lines.document_date < tax_rates.effective_to or tax_rates.effective_to is null)
),

-- Added to the price, tax is rounded once per component and rate, whatever codes it was charged under. Within the price it is rounded once
-- per set of components, for only all of them together leave the net.
shared as (
    select
        document_line_key,
        line_key,
        charged_minor,
        {{ dbt.concat(["rounding_unit", "'|'", "tax_component", "'='", "cast(tax_rate as varchar)"]) }} as tax_group,
        tax_component,
        tax_rate,
        false as is_within,
        cast(null as varchar) as inclusive_tax_rounding
    from taxed
    where tax_behavior is distinct from 'inclusive'
    union all
    select
        document_line_key,
        line_key,
        min(charged_minor) as charged_minor,
        {{ dbt.concat([
            "min(rounding_unit)", "'|within|'",
            ordered_text(dbt.concat(["tax_component", "'='", "cast(tax_rate as varchar)"]), "tax_component", "+")
        ]) }} as tax_group,
        cast(null as varchar) as tax_component,
        cast(sum(tax_rate) as {{ rate_type() }}) as tax_rate,
        true as is_within,
        min(inclusive_tax_rounding) as inclusive_tax_rounding
    from taxed
    where tax_behavior = 'inclusive'
    group by
        document_line_key,
        line_key
),

tax_groups as (
    select
        tax_group,
        sum(charged_minor) as base_minor,
        case
            when is_within then {{ tax_within('cast(sum(charged_minor) as bigint)', 'tax_rate', 'min(inclusive_tax_rounding)') }}
            else {{ apply_rate('sum(charged_minor)', 'tax_rate') }}
        end as tax_minor
    from shared
    group by
        tax_group,
        tax_rate,
        is_within
),

-- ... and spread back to the lines by largest remainder, ties broken by the line key.
shares as (
    select
        shared.*,
        tax_groups.tax_minor as group_tax_minor,
        {{ integer_quotient('cast(tax_groups.tax_minor as ' ~ wide_integer() ~ ') * shared.charged_minor', 'tax_groups.base_minor') }} as tax_floor,
        cast(tax_groups.tax_minor as {{ wide_integer() }}) * shared.charged_minor
        - {{ integer_quotient('cast(tax_groups.tax_minor as ' ~ wide_integer() ~ ') * shared.charged_minor', 'tax_groups.base_minor') }} * tax_groups.base_minor as tax_remainder
    from shared
    inner join tax_groups on shared.tax_group = tax_groups.tax_group
),

ranked_shares as (
    select
        shares.*,
        row_number() over (partition by tax_group order by tax_remainder desc, line_key asc) as remainder_rank,
        sum(tax_floor) over (partition by tax_group) as floor_total
    from shares
),

line_shares as (
    select
        document_line_key,
        is_within,
        tax_component,
        tax_rate,
        cast(tax_floor + case when remainder_rank <= group_tax_minor - floor_total then 1 else 0 end as bigint) as tax_minor
    from ranked_shares
),

-- The tax within a line is told apart by component in the same way, in the proportion of the rates.
component_shares as (
    select
        taxed.document_line_key,
        taxed.tax_component,
        line_shares.tax_minor as line_tax_minor,
        {{ integer_quotient(
            'cast(line_shares.tax_minor as ' ~ wide_integer() ~ ') * ' ~ whole_rate('taxed.tax_rate'), whole_rate('line_shares.tax_rate')
        ) }} as tax_floor,
        cast(line_shares.tax_minor as {{ wide_integer() }}) * {{ whole_rate('taxed.tax_rate') }}
        - {{ integer_quotient(
            'cast(line_shares.tax_minor as ' ~ wide_integer() ~ ') * ' ~ whole_rate('taxed.tax_rate'), whole_rate('line_shares.tax_rate')
        ) }} * {{ whole_rate('line_shares.tax_rate') }} as tax_remainder
    from taxed
    inner join line_shares
        on
            taxed.document_line_key = line_shares.document_line_key
            and line_shares.is_within
            and line_shares.tax_rate > 0
),

ranked_components as (
    select
        component_shares.*,
        row_number() over (partition by document_line_key order by tax_remainder desc, tax_component asc) as remainder_rank,
        sum(tax_floor) over (partition by document_line_key) as floor_total
    from component_shares
),

final as (
    select
        taxed.document_line_key,
        taxed.natural_id,
        taxed.line_key,
        taxed.entity,
        taxed.currency,
        taxed.tax_code,
        taxed.tax_behavior,
        taxed.tax_component,
        taxed.tax_rate,
        taxed.charged_minor,
        cast(coalesce(
            line_shares.tax_minor,
            ranked_components.tax_floor
            + case when ranked_components.remainder_rank <= ranked_components.line_tax_minor - ranked_components.floor_total then 1 else 0 end,
            0
        ) as bigint) as tax_minor
    from taxed
    left join line_shares
        on
            taxed.document_line_key = line_shares.document_line_key
            and taxed.tax_component = line_shares.tax_component
    left join ranked_components
        on
            taxed.document_line_key = ranked_components.document_line_key
            and taxed.tax_component = ranked_components.tax_component
)

select * from final
