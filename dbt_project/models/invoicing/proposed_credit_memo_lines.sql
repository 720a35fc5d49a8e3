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
        -line_deltas.delta_minor as reduction_minor
    from line_deltas
    left join held_lines on line_deltas.line_key = held_lines.line_key
    where held_lines.line_key is null
),

-- A reduction takes back what was issued last first, and inherits the facts frozen on the line that it corrects.
stacked as (
    select
        issued_lines.*,
        reductions.document_month,
        reductions.current_period_end,
        reductions.quantity,
        reductions.event_count as counted_events,
        reductions.price_version,
        reductions.amount_precise,
        reductions.fingerprint,
        reductions.reduction_minor,
        coalesce(sum(issued_lines.remaining_minor) over (
            partition by issued_lines.line_key
            order by issued_lines.document_position desc
            rows between unbounded preceding and 1 preceding
        ), 0) as taken_before
    from issued_lines
    inner join reductions on issued_lines.line_key = reductions.line_key
    where issued_lines.remaining_minor > 0
),

pieces as (
    select
        stacked.*,
        cast(least(remaining_minor, greatest(reduction_minor - taken_before, 0)) as bigint) as credit_minor
    from stacked
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
        pieces.*,
        {{ dbt.concat(["'stripe/'", "pieces.entity", "'/account/'", "pieces.customer_id"]) }} as subtracted_key,
        dense_rank() over (
            partition by pieces.entity, pieces.customer_id, pieces.document_month order by pieces.document_position asc
        ) as memo_rank
    from pieces
    where pieces.credit_minor > 0
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
        keyed.credit_minor as amount_minor,
        keyed.tax_code,
        keyed.tax_rate,
        -- The final credit of a line takes the remaining tax with the remaining net.
        case
            when keyed.credit_minor = keyed.remaining_minor then keyed.remaining_tax_minor
            else least(keyed.remaining_tax_minor, {{ apply_rate('keyed.credit_minor', 'keyed.tax_rate') }})
        end as tax_minor,
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
