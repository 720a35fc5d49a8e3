with

commitment_charges as (
    select * from {{ ref('period_charges') }}
    where kind = 'commitment'
),

discounted_lines as (
    select * from {{ ref('discounted_lines') }}
    where kind <> 'prepaid'
),

currencies as (
    select * from {{ ref('currencies') }}
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

-- What counts towards a commitment: the charges that it names, or all of the subscription's in the period.
covered as (
    select
        commitment_charges.line_key,
        {{ sum_whole('discounted_lines.amount_minor') }} as covered_minor,
        sum(discounted_lines.amount_precise) as covered_precise,
        max(discounted_lines.hold_reason) as hold_reason,
        {{ digest(ordered_text("discounted_lines.fingerprint", "discounted_lines.line_key")) }} as fingerprint
    from commitment_charges
    inner join discounted_lines
        on
            commitment_charges.subscription_id = discounted_lines.subscription_id
            and commitment_charges.period_start = discounted_lines.period_start
            and (
                commitment_charges.applies_to is null
                or strpos('|' || commitment_charges.applies_to || '|', '|' || discounted_lines.charge_id || '|') > 0
            )
    group by commitment_charges.line_key
),

measured as (
    select
        commitment_charges.*,
        currencies.exponent as currency_exponent,
        currencies.minor_units,
        currencies.minor_unit_value,
        entities.cutover_on,
        coalesce(covered.covered_minor, 0) as covered_minor,
        coalesce(covered.covered_precise, 0) as covered_precise,
        coalesce(covered.fingerprint, '-') as covered_fingerprint,
        covered.hold_reason as covered_hold_reason,
        {{ prorated_amount('commitment_charges.fee', 'commitment_charges.served_units', 'commitment_charges.period_units') }} as committed_precise,
        {{ prorated_minor('commitment_charges.fee', 'commitment_charges.served_units', 'commitment_charges.period_units', 'currencies.minor_units') }} as committed_minor
    from commitment_charges
    left join covered on commitment_charges.line_key = covered.line_key
    left join currencies on commitment_charges.currency = currencies.currency
    left join entities on commitment_charges.entity = entities.entity
),

final as (
    select
        line_key,
        customer_id,
        coalesce(entity, 'unassigned') as entity,
        coalesce(currency, 'XXX') as currency,
        country,
        subscription_id,
        charge_id,
        product,
        tax_code,
        tax_behavior,
        description,
        period_start,
        served_from as service_period_start,
        served_to as service_period_end,
        billing_month,
        price_version,
        cast(case
            when commitment_rounding = 'once' then greatest(committed_precise - covered_precise, 0)
            else greatest(committed_minor - covered_minor, 0) * cast(minor_unit_value as decimal(4, 3))
        end as {{ precise_amount_type() }}) as amount_precise,
        case
            when commitment_rounding = 'once' then {{ to_minor('greatest(committed_precise - covered_precise, 0)', 'minor_units') }}
            else cast(greatest(committed_minor - covered_minor, 0) as bigint)
        end as amount_minor,
        {{ digest(dbt.concat(["fingerprint", "'|'", "covered_fingerprint"])) }} as fingerprint,
        case
            when cutover_on is null then 'missing_legal_entity'
            when minor_units is null then 'unknown_currency'
            when billing_month < {{ month_start('cutover_on') }} then 'before_cutover'
            when price_id is null then 'missing_price'
            else covered_hold_reason
        end as hold_reason
    from measured
)

select * from final
