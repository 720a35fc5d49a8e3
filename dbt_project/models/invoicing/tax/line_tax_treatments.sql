with

line_deltas as (
    select * from {{ ref('line_deltas') }}
    where delta_minor > 0
),

entities as (
    select * from {{ ref('stg_register_opening__entities') }}
),

tax_rates as (
    select * from {{ ref('stg_finance__tax_rates') }}
),

refused_tax_rates as (
    select * from {{ ref('stg_finance__refused_tax_rates') }}
    where relation = 'tax_rates'
),

tax_exemptions as (
    select * from {{ ref('stg_finance__tax_exemptions') }}
    where violation is null
),

tax_registrations as (
    select * from {{ ref('stg_finance__tax_registrations') }}
    where violation is null
),

eu_members as (
    select * from {{ ref('eu_members') }}
),

-- The tax point is the document date, for late lines too.
dated as (
    select
        line_deltas.line_key,
        line_deltas.customer_id,
        line_deltas.entity,
        line_deltas.country,
        line_deltas.tax_code,
        entities.country as seller_country,
        line_deltas.document_date,
        entities.tax_rounding is null or entities.inclusive_tax_rounding is null as is_policy_refused
    from line_deltas
    left join entities on line_deltas.entity = entities.entity
),

taxed as (
    select
        dated.line_key,
        sum(tax_rates.tax_rate) as tax_rate,
        count(tax_rates.tax_rate) as rate_count,
        count(distinct tax_rates.tax_component) as component_count
    from dated
    inner join tax_rates
        on
            dated.entity = tax_rates.entity
            and dated.country = tax_rates.country
            and dated.tax_code = tax_rates.tax_code
            and dated.document_date >= tax_rates.effective_from
            and (dated.document_date < tax_rates.effective_to or tax_rates.effective_to is null)
    group by dated.line_key
),

-- A refused rate leaves no gap that an older one, or the other taxes of the code, could fill.
refused as (
    select distinct dated.line_key
    from dated
    inner join refused_tax_rates
        on
            dated.entity = refused_tax_rates.entity
            and dated.country = refused_tax_rates.country
            and dated.tax_code = refused_tax_rates.tax_code
            and (dated.document_date >= refused_tax_rates.effective_from or refused_tax_rates.effective_from is null)
            and (dated.document_date < refused_tax_rates.effective_to or refused_tax_rates.effective_to is null)
),

-- The exemption that says most about the line, then the latest.
exempted as (
    select
        dated.line_key,
        tax_exemptions.reason,
        tax_exemptions.certificate,
        row_number() over (
            partition by dated.line_key
            order by
                case when tax_exemptions.tax_code is null then 1 else 0 end asc,
                case when tax_exemptions.country is null then 1 else 0 end asc,
                case when tax_exemptions.entity is null then 1 else 0 end asc,
                tax_exemptions.effective_from desc,
                tax_exemptions.exemption_id asc
        ) as preference
    from dated
    inner join tax_exemptions
        on
            dated.customer_id = tax_exemptions.customer_id
            and (dated.entity = tax_exemptions.entity or tax_exemptions.entity is null)
            and (dated.country = tax_exemptions.country or tax_exemptions.country is null)
            and (dated.tax_code = tax_exemptions.tax_code or tax_exemptions.tax_code is null)
            and dated.document_date >= tax_exemptions.effective_from
            and (dated.document_date < tax_exemptions.effective_to or tax_exemptions.effective_to is null)
),

-- From one member state of the European Union into another, to a customer who is registered there on the document date.
reverse_charged as (
    select
        dated.line_key,
        min(tax_registrations.tax_id) as customer_tax_id
    from dated
    inner join tax_registrations
        on
            dated.customer_id = tax_registrations.customer_id
            and dated.country = tax_registrations.country
            and dated.country <> dated.seller_country
            and dated.document_date >= tax_registrations.effective_from
            and (dated.document_date < tax_registrations.effective_to or tax_registrations.effective_to is null)
    inner join eu_members as seller_membership
        on
            dated.seller_country = seller_membership.country
            and dated.document_date >= seller_membership.member_from
            and (dated.document_date < seller_membership.member_to or seller_membership.member_to is null)
    inner join eu_members as buyer_membership
        on
            dated.country = buyer_membership.country
            and dated.document_date >= buyer_membership.member_from
            and (dated.document_date < buyer_membership.member_to or buyer_membership.member_to is null)
    group by dated.line_key
),

treated as (
    select
        dated.line_key,
        case
            when exempted.line_key is not null then 'exempt'
            when reverse_charged.line_key is not null then 'reverse_charge'
            else 'taxed'
        end as tax_treatment,
        exempted.reason as exemption_reason,
        exempted.certificate as exemption_certificate,
        case when exempted.line_key is null then reverse_charged.customer_tax_id end as customer_tax_id,
        taxed.tax_rate,
        taxed.rate_count,
        taxed.component_count,
        refused.line_key is not null as is_rate_refused,
        dated.is_policy_refused
    from dated
    left join taxed on dated.line_key = taxed.line_key
    left join refused on dated.line_key = refused.line_key
    left join exempted
        on
            dated.line_key = exempted.line_key
            and exempted.preference = 1
    left join reverse_charged on dated.line_key = reverse_charged.line_key
),

final as (
    select
        line_key,
        tax_treatment,
        exemption_reason,
        exemption_certificate,
        customer_tax_id,
        cast(case when tax_treatment = 'taxed' then tax_rate else 0 end as {{ rate_type() }}) as tax_rate,
        case
            when is_policy_refused then 'refused_tax_policy'
            when tax_treatment = 'taxed' and is_rate_refused then 'refused_tax_rate'
            when tax_treatment = 'taxed' and (rate_count is null or rate_count > component_count) then 'missing_tax_rate'
        end as hold_reason
    from treated
)

select * from final
