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
    where counts_as_issued
),

decision_credits as (
    select * from {{ ref('decision_credits') }}
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
        line_deltas.gross_minor,
        line_deltas.discount_minor,
        -line_deltas.delta_minor as reduction_minor
    from line_deltas
    left join held_lines on line_deltas.line_key = held_lines.line_key
    where held_lines.line_key is null
),

available as (
    select
        issued_lines.*,
        issued_lines.remaining_minor - coalesce(decision_credits.credit_minor, 0) as available_minor,
        issued_lines.remaining_tax_minor - coalesce(decision_credits.credit_tax_minor, 0) as available_tax_minor
    from issued_lines
    left join decision_credits on issued_lines.document_line_key = decision_credits.document_line_key
),

-- A reduction takes back what was issued last first.
stacked as (
    select
        available.document_line_key,
        available.line_key,
        available.document_position,
        available.entity,
        available.customer_id,
        available.currency,
        available.functional_currency,
        available.exchange_rate,
        available.available_minor,
        available.available_tax_minor,
        reductions.document_month,
        reductions.current_period_end,
        reductions.quantity,
        reductions.event_count,
        reductions.price_version,
        reductions.amount_precise,
        reductions.fingerprint,
        reductions.gross_minor,
        reductions.discount_minor,
        reductions.reduction_minor,
        coalesce(sum(available.available_minor) over (
            partition by available.line_key
            order by available.document_position desc
            rows between unbounded preceding and 1 preceding
        ), 0) as taken_before
    from available
    inner join reductions on available.line_key = reductions.line_key
    where available.available_minor > 0
),

pieces as (
    select
        stacked.*,
        cast(least(available_minor, greatest(reduction_minor - taken_before, 0)) as bigint) as credit_minor
    from stacked
),

final as (
    select
        document_line_key,
        line_key,
        document_position,
        entity,
        customer_id,
        currency,
        functional_currency,
        exchange_rate,
        document_month,
        current_period_end,
        quantity,
        event_count,
        price_version,
        amount_precise,
        fingerprint,
        available_minor,
        available_tax_minor,
        gross_minor,
        discount_minor,
        credit_minor
    from pieces
    where credit_minor > 0
)

select * from final
