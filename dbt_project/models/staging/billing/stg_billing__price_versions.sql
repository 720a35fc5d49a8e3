with

prices as (
    select * from {{ ref('stg_billing__prices') }}
),

terms as (
    select * from {{ ref('stg_billing__price_terms') }}
    where violation is null
),

versions as (
    select
        price_id,
        price_version,
        charge_id,
        currency,
        customer_id,
        dimensions,
        min(effective_from) as effective_from,
        min(effective_to) as effective_to,
        case when count(*) = 1 then min(flat_fee) end as fee,
        {{ digest(ordered_text(dbt.concat(["cast(tier_from as varchar)", "'-'", "coalesce(cast(tier_up_to as varchar), '')", "':'", "cast(unit_price as varchar)", "'+'", "cast(flat_fee as varchar)", "'/'", "coalesce(cast(block_size as varchar), '')"]), "tier_from")) }} as tiers_fingerprint
    from prices
    group by
        price_id,
        price_version,
        charge_id,
        currency,
        customer_id,
        dimensions
),

stated as (
    select
        price_id,
        price_version,
        max(case when term = 'quantity_divisor' then cast(term_value as {{ unit_price_type() }}) end) as quantity_divisor,
        max(case when term = 'quantity_rounding' then lower(term_value) end) as quantity_rounding,
        max(case when term = 'quantity_precision' then cast(term_value as integer) end) as quantity_precision,
        max(case when term = 'free_units' then cast(term_value as {{ quantity_type() }}) end) as free_units,
        max(case when term = 'free_events' then cast(term_value as bigint) end) as free_events,
        max(case when term = 'package_rounding' then lower(term_value) end) as package_rounding,
        max(case when term = 'zero_usage_flat_fee' then lower(term_value) end) as zero_usage_flat_fee,
        max(case when term = 'minimum_amount' then cast(term_value as {{ unit_price_type() }}) end) as minimum_amount,
        max(case when term = 'maximum_amount' then cast(term_value as {{ unit_price_type() }}) end) as maximum_amount,
        max(case when term = 'fixed_fee_per_event' then cast(term_value as {{ unit_price_type() }}) end) as fixed_fee_per_event,
        max(case when term = 'transaction_minimum' then cast(term_value as {{ unit_price_type() }}) end) as transaction_minimum,
        max(case when term = 'transaction_maximum' then cast(term_value as {{ unit_price_type() }}) end) as transaction_maximum,
        max(case when term = 'billing_increment' then cast(term_value as bigint) end) as billing_increment,
        max(case when term = 'billing_increment_rounding' then lower(term_value) end) as billing_increment_rounding,
        max(case when term = 'proration' then lower(term_value) end) as proration,
        max(case when term = 'days_in_month' then cast(term_value as integer) end) as days_in_month,
        max(case when term = 'discount_percent' then cast(term_value as {{ unit_price_type() }}) end) as discount_percent,
        max(case when term = 'commitment_rounding' then lower(term_value) end) as commitment_rounding,
        max(case when term = 'credit_validity_months' then cast(term_value as integer) end) as credit_validity_months,
        max(case when term = 'beyond_last_tier' then lower(term_value) end) as beyond_last_tier,
        max(case when term = 'tax_behavior' then lower(term_value) end) as tax_behavior,
        max(case when term = 'tiers_counted_on' then lower(term_value) end) as tiers_counted_on,
        max(case when term = 'negative_usage' then lower(term_value) end) as negative_usage,
        {{ digest(ordered_text(dbt.concat(["term", "'='", "term_value"]), "term")) }} as terms_fingerprint
    from terms
    group by
        price_id,
        price_version
),

final as (
    select
        versions.price_id,
        versions.price_version,
        versions.charge_id,
        versions.currency,
        versions.customer_id,
        versions.dimensions,
        versions.effective_from,
        versions.effective_to,
        versions.fee,
        stated.quantity_divisor,
        coalesce(stated.quantity_rounding, 'none') as quantity_rounding,
        coalesce(stated.quantity_precision, 0) as quantity_precision,
        stated.free_units,
        stated.free_events,
        coalesce(stated.package_rounding, 'up') as package_rounding,
        coalesce(stated.zero_usage_flat_fee, 'false') = 'true' as zero_usage_flat_fee,
        stated.minimum_amount,
        stated.maximum_amount,
        coalesce(stated.fixed_fee_per_event, 0) as fixed_fee_per_event,
        stated.transaction_minimum,
        stated.transaction_maximum,
        stated.billing_increment,
        coalesce(stated.billing_increment_rounding, 'up') as billing_increment_rounding,
        stated.proration,
        coalesce(stated.days_in_month, 30) as days_in_month,
        stated.discount_percent,
        coalesce(stated.commitment_rounding, 'component') as commitment_rounding,
        coalesce(stated.beyond_last_tier, 'hold') as beyond_last_tier,
        stated.credit_validity_months,
        coalesce(stated.tax_behavior, 'exclusive') as tax_behavior,
        coalesce(stated.tiers_counted_on, 'priced_units') as tiers_counted_on,
        coalesce(stated.negative_usage, 'hold') as negative_usage,
        {{ dbt.concat(["versions.tiers_fingerprint", "coalesce(stated.terms_fingerprint, '')"]) }} as fingerprint
    from versions
    left join stated
        on
            versions.price_id = stated.price_id
            and versions.price_version = stated.price_version
)

select * from final
