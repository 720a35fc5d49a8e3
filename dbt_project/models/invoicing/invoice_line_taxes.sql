with

lines as (
    select * from {{ ref('numbered_invoice_lines') }}
),

tax_rates as (
    select * from {{ ref('stg_finance__tax_rates') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

taxed as (
    select
        lines.document_line_key,
        lines.natural_id,
        lines.line_key,
        lines.entity,
        lines.currency,
        lines.amount_minor,
        lines.tax_code,
        tax_rates.tax_component,
        tax_rates.tax_rate,
        coalesce(entities.tax_rounding, 'group') as tax_rounding
    from lines
    inner join tax_rates
        on
            lines.entity = tax_rates.entity
            and lines.country = tax_rates.country
            and lines.tax_code = tax_rates.tax_code
            and lines.document_date >= tax_rates.effective_from
            and (lines.document_date < tax_rates.effective_to or tax_rates.effective_to is null)
    left join entities on lines.entity = entities.entity
),

-- Tax is rounded once per component and rate of a document, whatever codes it was charged under ...
tax_groups as (
    select
        natural_id,
        entity,
        currency,
        tax_component,
        tax_rate,
        sum(amount_minor) as base_minor,
        {{ apply_rate('sum(amount_minor)', 'tax_rate') }} as tax_minor
    from taxed
    group by
        natural_id,
        entity,
        currency,
        tax_component,
        tax_rate
),

-- ... and spread back to the lines by largest remainder, ties broken by the line key.
shares as (
    select
        taxed.*,
        tax_groups.tax_minor as group_tax_minor,
        {{ integer_quotient('cast(tax_groups.tax_minor as ' ~ wide_integer() ~ ') * taxed.amount_minor', 'tax_groups.base_minor') }} as tax_floor,
        cast(tax_groups.tax_minor as {{ wide_integer() }}) * taxed.amount_minor
        - {{ integer_quotient('cast(tax_groups.tax_minor as ' ~ wide_integer() ~ ') * taxed.amount_minor', 'tax_groups.base_minor') }} * tax_groups.base_minor as tax_remainder
    from taxed
    inner join tax_groups
        on
            taxed.natural_id = tax_groups.natural_id
            and taxed.entity = tax_groups.entity
            and taxed.currency = tax_groups.currency
            and taxed.tax_component = tax_groups.tax_component
            and taxed.tax_rate = tax_groups.tax_rate
),

ranked_shares as (
    select
        shares.*,
        row_number() over (
            partition by natural_id, entity, currency, tax_component, tax_rate
            order by tax_remainder desc, line_key asc
        ) as remainder_rank,
        sum(tax_floor) over (partition by natural_id, entity, currency, tax_component, tax_rate) as floor_total
    from shares
),

final as (
    select
        document_line_key,
        natural_id,
        line_key,
        entity,
        currency,
        tax_code,
        tax_component,
        tax_rate,
        amount_minor,
        case
            when tax_rounding = 'line' then {{ apply_rate('amount_minor', 'tax_rate') }}
            else cast(tax_floor + case when remainder_rank <= group_tax_minor - floor_total then 1 else 0 end as bigint)
        end as tax_minor
    from ranked_shares
)

select * from final
