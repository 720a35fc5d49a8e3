with

candidates as (
    select * from {{ ref('invoice_line_candidates') }}
),

held_lines as (
    select * from {{ ref('held_lines') }}
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
    where document_type = 'invoice'
),

issued_counts as (
    select
        entity,
        subtracted_key,
        period,
        count(*) as issued_count
    from issued_documents
    group by
        entity,
        subtracted_key,
        period
),

free_lines as (
    select
        candidates.*,
        {{ dbt.concat(["'stripe/'", "candidates.entity", "'/account/'", "candidates.customer_id"]) }} as subtracted_key,
        dense_rank() over (
            partition by candidates.entity, candidates.customer_id, candidates.document_month order by candidates.currency asc
        ) as currency_rank
    from candidates
    left join held_lines on candidates.line_key = held_lines.line_key
    where held_lines.line_key is null
),

numbered as (
    select
        free_lines.*,
        {{ dbt.concat(["free_lines.customer_id", "':'", period_of('free_lines.document_month'), "':'", "cast(coalesce(issued_counts.issued_count, 0) + free_lines.currency_rank as varchar)"]) }} as natural_id
    from free_lines
    left join issued_counts
        on
            free_lines.entity = issued_counts.entity
            and free_lines.subtracted_key = issued_counts.subtracted_key
            and {{ period_of('free_lines.document_month') }} = issued_counts.period
),

-- Tax is rounded once per tax code and rate of a document ...
tax_groups as (
    select
        natural_id,
        entity,
        currency,
        tax_code,
        tax_rate,
        sum(amount_minor) as base_minor,
        {{ apply_rate('sum(amount_minor)', 'tax_rate') }} as tax_minor
    from numbered
    group by
        natural_id,
        entity,
        currency,
        tax_code,
        tax_rate
),

-- ... and spread back to the lines by largest remainder, ties broken by the line key.
shares as (
    select
        numbered.*,
        tax_groups.tax_minor as group_tax_minor,
        {{ integer_quotient('cast(tax_groups.tax_minor as ' ~ wide_integer() ~ ') * numbered.amount_minor', 'tax_groups.base_minor') }} as tax_floor,
        cast(tax_groups.tax_minor as {{ wide_integer() }}) * numbered.amount_minor
        - {{ integer_quotient('cast(tax_groups.tax_minor as ' ~ wide_integer() ~ ') * numbered.amount_minor', 'tax_groups.base_minor') }} * tax_groups.base_minor as tax_remainder
    from numbered
    inner join tax_groups
        on
            numbered.natural_id = tax_groups.natural_id
            and numbered.entity = tax_groups.entity
            and numbered.currency = tax_groups.currency
            and numbered.tax_code = tax_groups.tax_code
            and numbered.tax_rate = tax_groups.tax_rate
),

ranked_shares as (
    select
        shares.*,
        row_number() over (
            partition by natural_id, entity, currency, tax_code, tax_rate
            order by tax_remainder desc, line_key asc
        ) as remainder_rank,
        sum(tax_floor) over (partition by natural_id, entity, currency, tax_code, tax_rate) as floor_total
    from shares
),

final as (
    select
        natural_id,
        {{ dbt.concat(["line_key", "'@'", "natural_id"]) }} as document_line_key,
        line_key,
        group_key,
        kind,
        customer_id,
        entity,
        currency,
        currency_exponent,
        functional_currency,
        exchange_rate,
        exchange_rate_date,
        subscription_id,
        charge_id,
        meter,
        product,
        description,
        service_period_start,
        service_period_end,
        billing_month,
        document_month,
        document_date,
        quantity,
        event_count,
        price_version,
        amount_precise,
        rated_minor,
        issued_minor,
        amount_minor,
        was_issued,
        fingerprint,
        tax_code,
        tax_rate,
        cast(tax_floor + case when remainder_rank <= group_tax_minor - floor_total then 1 else 0 end as bigint) as tax_minor,
        receivable_account,
        revenue_account,
        deferred_account,
        tax_account,
        rounding_account,
        subtracted_key
    from ranked_shares
)

select * from final
