with recursive

priced_lines as (
    select * from {{ ref('priced_lines') }}
    where
        hold_reason is null
        and kind <> 'prepaid'
        and amount_minor > 0
),

discount_charges as (
    select
        period_charges.*,
        currencies.minor_units,
        row_number() over (
            partition by period_charges.subscription_id, period_charges.period_start, period_charges.charge_model
            order by period_charges.charge_id asc
        ) as discount_rank
    from {{ ref('period_charges') }} as period_charges
    inner join {{ ref('currencies') }} as currencies on period_charges.currency = currencies.currency
    where
        period_charges.kind = 'discount'
        and period_charges.price_id is not null
),

-- Percentages compound: each is taken of what the former ones left.
remaining_shares as (
    select
        subscription_id,
        period_start,
        cast(1 as bigint) as next_rank,
        cast(1 as {{ rate_type() }}) as remaining_share
    from discount_charges
    where discount_rank = 1
    group by
        subscription_id,
        period_start
    union all
    select
        remaining_shares.subscription_id,
        remaining_shares.period_start,
        remaining_shares.next_rank + 1 as next_rank,
        cast(round(
            remaining_shares.remaining_share * cast(1 - discount_charges.discount_percent * cast(0.01 as decimal(3, 2)) as decimal(7, 6)), 12
        ) as {{ rate_type() }}) as remaining_share
    from remaining_shares
    inner join discount_charges
        on
            remaining_shares.subscription_id = discount_charges.subscription_id
            and remaining_shares.period_start = discount_charges.period_start
            and remaining_shares.next_rank = discount_charges.discount_rank
            and discount_charges.charge_model = 'percent'
),

percentages as (
    select
        subscription_id,
        period_start,
        1 - min(remaining_share) as discount_share
    from remaining_shares
    group by
        subscription_id,
        period_start
),

fixed_amounts as (
    select
        subscription_id,
        period_start,
        {{ sum_whole(prorated_minor('fee', 'served_units', 'period_units', 'minor_units')) }} as fixed_minor
    from discount_charges
    where charge_model = 'fixed'
    group by
        subscription_id,
        period_start
),

bases as (
    select
        subscription_id,
        period_start,
        {{ sum_whole('amount_minor') }} as base_minor
    from priced_lines
    group by
        subscription_id,
        period_start
),

-- Fixed amounts come off last, and never more than there is.
totals as (
    select
        bases.subscription_id,
        bases.period_start,
        bases.base_minor,
        cast(least(
            bases.base_minor,
            {{ apply_rate('bases.base_minor', 'percentages.discount_share') }} + coalesce(fixed_amounts.fixed_minor, 0)
        ) as bigint) as discount_minor
    from bases
    inner join percentages
        on
            bases.subscription_id = percentages.subscription_id
            and bases.period_start = percentages.period_start
    left join fixed_amounts
        on
            bases.subscription_id = fixed_amounts.subscription_id
            and bases.period_start = fixed_amounts.period_start
),

-- Spread over the lines by largest remainder, ties broken by the line key.
shares as (
    select
        priced_lines.line_key,
        priced_lines.subscription_id,
        priced_lines.period_start,
        totals.discount_minor,
        {{ integer_quotient('cast(totals.discount_minor as ' ~ wide_integer() ~ ') * priced_lines.amount_minor', 'totals.base_minor') }} as share_floor,
        cast(totals.discount_minor as {{ wide_integer() }}) * priced_lines.amount_minor
        - {{ integer_quotient('cast(totals.discount_minor as ' ~ wide_integer() ~ ') * priced_lines.amount_minor', 'totals.base_minor') }} * totals.base_minor as share_remainder
    from priced_lines
    inner join totals
        on
            priced_lines.subscription_id = totals.subscription_id
            and priced_lines.period_start = totals.period_start
),

ranked_shares as (
    select
        shares.*,
        row_number() over (partition by subscription_id, period_start order by share_remainder desc, line_key asc) as remainder_rank,
        sum(share_floor) over (partition by subscription_id, period_start) as floor_total
    from shares
),

final as (
    select
        line_key,
        cast(share_floor + case when remainder_rank <= discount_minor - floor_total then 1 else 0 end as bigint) as discount_minor
    from ranked_shares
)

select * from final
