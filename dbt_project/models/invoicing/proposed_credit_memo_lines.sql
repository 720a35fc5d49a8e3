with

line_deltas as (
    select * from {{ ref('line_deltas') }}
    where delta_minor < 0
),

held_lines as (
    select * from {{ ref('held_lines') }}
),

issued_lines as (
    select * from {{ ref('issued_line_balances') }}
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
),

reductions as (
    select
        line_deltas.line_key,
        line_deltas.document_month,
        line_deltas.service_period_end as current_period_end,
        line_deltas.quantity,
        line_deltas.event_count,
        line_deltas.price_version,
        line_deltas.amount_precise,
        line_deltas.fingerprint,
        line_deltas.tax_behavior as current_tax_behavior,
        -line_deltas.delta_minor as reduction_minor
    from line_deltas
    left join held_lines on line_deltas.line_key = held_lines.line_key
    where held_lines.line_key is null
),

-- A reduction takes back what was issued last first, and inherits the facts frozen on the line that it corrects.
creditable as (
    select
        issued_lines.*,
        reductions.document_month,
        reductions.current_period_end,
        reductions.quantity,
        reductions.event_count as counted_events,
        reductions.price_version,
        reductions.amount_precise,
        reductions.fingerprint,
        reductions.current_tax_behavior,
        reductions.reduction_minor,
        {{ charged_amount('issued_lines.remaining_minor', 'issued_lines.remaining_tax_minor', 'reductions.current_tax_behavior') }} as creditable_minor
    from issued_lines
    inner join reductions on issued_lines.line_key = reductions.line_key
),

stacked as (
    select
        creditable.*,
        coalesce(sum(creditable_minor) over (
            partition by line_key
            order by document_position desc
            rows between unbounded preceding and 1 preceding
        ), 0) as taken_before
    from creditable
    where creditable_minor > 0
),

pieces as (
    select
        stacked.*,
        cast(least(creditable_minor, greatest(reduction_minor - taken_before, 0)) as bigint) as credit_minor
    from stacked
),

-- The final credit of a line takes the remaining tax with the remaining net. A part of it takes the tax at the rate that is frozen on the
-- line: on top of a net, or within an amount that includes it; never more of either than is left.
rated as (
    select
        pieces.*,
        case
            when current_tax_behavior = 'inclusive' then {{ tax_within('credit_minor', 'tax_rate', "coalesce(inclusive_tax_rounding, 'net')") }}
            else {{ apply_rate('credit_minor', 'tax_rate') }}
        end as stated_tax_minor
    from pieces
    where credit_minor > 0
),

taxed as (
    select
        rated.*,
        case
            when credit_minor = creditable_minor then remaining_tax_minor
            when current_tax_behavior = 'inclusive' then greatest(credit_minor - remaining_minor, least(remaining_tax_minor, stated_tax_minor))
            else least(remaining_tax_minor, stated_tax_minor)
        end as credit_tax_minor
    from rated
),

memo_counts as (
    select
        subtracted_key,
        period,
        count(*) as issued_count
    from issued_documents
    where document_type = 'credit_memo'
    group by
        subtracted_key,
        period
),

keyed as (
    select
        taxed.*,
        case
            when taxed.current_tax_behavior = 'inclusive' then taxed.credit_minor - taxed.credit_tax_minor
            else taxed.credit_minor
        end as credit_net_minor,
        {{ dbt.concat(["'stripe/'", "taxed.entity", "'/account/'", "taxed.customer_id"]) }} as subtracted_key,
        dense_rank() over (
            partition by taxed.entity, taxed.customer_id, taxed.document_month order by taxed.document_position asc
        ) as memo_rank
    from taxed
),

final as (
    select
        {{ dbt.concat(["keyed.customer_id", "':'", period_of('keyed.document_month'), "':'", "cast(coalesce(memo_counts.issued_count, 0) + keyed.memo_rank as varchar)"]) }} as natural_id,
        {{ dbt.concat(["keyed.line_key", "'@'", "keyed.customer_id", "':'", period_of('keyed.document_month'), "':credit:'", "cast(coalesce(memo_counts.issued_count, 0) + keyed.memo_rank as varchar)"]) }} as document_line_key,
        keyed.line_key,
        keyed.document_line_key as corrects_line_key,
        keyed.business_key as invoice_key,
        keyed.number as invoice_number,
        keyed.group_key,
        keyed.kind,
        keyed.customer_id,
        keyed.entity,
        keyed.currency,
        keyed.functional_currency,
        keyed.exchange_rate,
        keyed.exchange_rate_date,
        keyed.subscription_id,
        keyed.charge_id,
        keyed.meter,
        keyed.product,
        keyed.description,
        -- A service that ends early is taken back for the days that it was not served.
        case
            when keyed.kind = 'fee' and keyed.current_period_end > keyed.service_period_start and keyed.current_period_end < keyed.service_period_end
                then keyed.current_period_end
            else keyed.service_period_start
        end as service_period_start,
        keyed.service_period_end,
        keyed.billing_month,
        keyed.document_month,
        {{ add_days(add_months('keyed.document_month', 1), -1) }} as document_date,
        keyed.quantity,
        keyed.counted_events as event_count,
        keyed.price_version,
        keyed.amount_precise,
        keyed.fingerprint,
        cast(keyed.credit_net_minor as bigint) as amount_minor,
        keyed.country,
        keyed.tax_code,
        keyed.tax_behavior,
        keyed.inclusive_tax_rounding,
        keyed.tax_treatment,
        keyed.exemption_reason,
        keyed.exemption_certificate,
        keyed.customer_tax_id,
        keyed.tax_rate,
        cast(keyed.credit_tax_minor as bigint) as tax_minor,
        cast(keyed.credit_minor as bigint) as charged_minor,
        keyed.receivable_account,
        keyed.revenue_account,
        keyed.deferred_account,
        keyed.tax_account,
        keyed.rounding_account,
        keyed.subtracted_key
    from keyed
    left join memo_counts
        on
            keyed.subtracted_key = memo_counts.subtracted_key
            and {{ period_of('keyed.document_month') }} = memo_counts.period
)

select * from final
