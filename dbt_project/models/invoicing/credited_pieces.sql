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
        line_deltas.tax_behavior as current_tax_behavior,
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

-- In the terms of the price: with its tax where the price includes it.
creditable as (
    select
        available.document_line_key,
        available.line_key,
        available.document_position,
        available.entity,
        available.customer_id,
        available.bill_to_customer_id,
        available.currency,
        available.functional_currency,
        available.exchange_rate,
        available.tax_rate,
        available.inclusive_tax_rounding,
        available.available_minor,
        available.available_tax_minor,
        reductions.document_month,
        reductions.current_period_end,
        reductions.quantity,
        reductions.event_count,
        reductions.price_version,
        reductions.amount_precise,
        reductions.fingerprint,
        reductions.current_tax_behavior,
        reductions.gross_minor,
        reductions.discount_minor,
        reductions.reduction_minor,
        {{ charged_amount('available.available_minor', 'available.available_tax_minor', 'reductions.current_tax_behavior') }} as creditable_minor
    from available
    inner join reductions on available.line_key = reductions.line_key
),

-- A reduction takes back what was issued last first.
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
        cast(least(creditable_minor, greatest(reduction_minor - taken_before, 0)) as bigint) as charged_minor
    from stacked
),

-- The final credit of a line takes the remaining tax with the remaining net. A part of it takes the tax at the rate that is frozen on the
-- line: on top of a net, or within an amount that includes it; never more of either than is left.
rated as (
    select
        pieces.*,
        case
            when current_tax_behavior = 'inclusive' then {{ tax_within('charged_minor', 'tax_rate', "coalesce(inclusive_tax_rounding, 'net')") }}
            else {{ apply_rate('charged_minor', 'tax_rate') }}
        end as stated_tax_minor
    from pieces
    where charged_minor > 0
),

taxed as (
    select
        rated.*,
        cast(case
            when charged_minor = creditable_minor then available_tax_minor
            when current_tax_behavior = 'inclusive' then greatest(charged_minor - available_minor, least(available_tax_minor, stated_tax_minor))
            else least(available_tax_minor, stated_tax_minor)
        end as bigint) as credit_tax_minor
    from rated
),

final as (
    select
        document_line_key,
        line_key,
        document_position,
        entity,
        customer_id,
        bill_to_customer_id,
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
        gross_minor,
        discount_minor,
        charged_minor,
        cast(case when current_tax_behavior = 'inclusive' then charged_minor - credit_tax_minor else charged_minor end as bigint) as credit_minor,
        credit_tax_minor
    from taxed
)

select * from final
