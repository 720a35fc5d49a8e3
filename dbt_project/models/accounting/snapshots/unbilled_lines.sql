with

-- A prepayment earns nothing, and what completes a commitment is not earned before its period ends.
line_deltas as (
    select * from {{ ref('line_deltas') }}
    where
        kind <> 'prepaid'
        and coalesce(hold_reason, '') <> 'before_cutover'
),

periods as (
    select * from {{ ref('snapshot_periods') }}
    where
        event = 'unbilled_receivables_accrued'
        and not is_sealed
),

billing_lines as (
    select * from {{ ref('stg_register_issued__billing_lines') }}
    where counts_as_issued
),

tax_treatments as (
    select * from {{ ref('line_tax_treatments') }}
),

usage_spikes as (
    select * from {{ ref('usage_spikes') }}
    where not is_approved
),

claimed_daily_usage as (
    select * from {{ ref('claimed_daily_usage') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

begun as (
    select
        line_deltas.*,
        periods.period,
        periods.last_day,
        periods.inclusive_tax_rounding,
        {{ add_days('periods.last_day', 1) }} as served_before,
        -- Usage is known as far as it has landed.
        least(line_deltas.service_period_end, {{ add_days('periods.landed_on', 1) }}) as known_before,
        case
            when line_deltas.kind = 'fee' then line_deltas.service_period_end > {{ add_days('periods.last_day', 1) }}
            else line_deltas.billing_month > periods.first_day
        end as is_running
    from line_deltas
    inner join periods on line_deltas.entity = periods.entity
    where
        line_deltas.service_period_start <= periods.last_day
        and (line_deltas.kind <> 'commitment' or line_deltas.billing_month <= periods.first_day)
),

-- As of the last day: what is dated in a later month is not issued yet.
issued as (
    select
        begun.line_key,
        {{ sum_whole('billing_lines.amount_minor') }} as net_minor,
        {{ sum_whole('billing_lines.tax_minor') }} as tax_minor,
        max(billing_lines.tax_rate) as tax_rate
    from begun
    inner join billing_lines
        on
            begun.line_key = billing_lines.line_key
            and begun.last_day >= billing_lines.posting_date
    group by begun.line_key
),

-- Quantities that add up day by day tell how much of a running period was used by the last day.
counted as (
    select
        begun.line_key,
        sum(case meters.aggregation when 'count' then claimed_daily_usage.event_count else claimed_daily_usage.quantity end) as known_quantity,
        sum(case
            when claimed_daily_usage.occurred_on > begun.last_day then 0
            when meters.aggregation = 'count' then claimed_daily_usage.event_count
            else claimed_daily_usage.quantity
        end) as served_quantity
    from begun
    inner join claimed_daily_usage on begun.line_key = claimed_daily_usage.usage_key
    inner join meters
        on
            begun.meter = meters.meter
            and meters.aggregation in ('sum', 'count')
    where begun.is_running
    group by begun.line_key
),

-- How much of what is rated was served by the last day, as a fraction of whole numbers.
shared as (
    select
        begun.*,
        coalesce({{ charged_amount('issued.net_minor', 'issued.tax_minor', 'begun.tax_behavior') }}, 0) as issued_by_then_minor,
        issued.tax_rate as issued_tax_rate,
        cast(case
            when not begun.is_running then 1
            when begun.kind = 'fee' then {{ days_between('begun.service_period_start', 'begun.served_before') }}
            when counted.known_quantity > 0 and counted.served_quantity >= 0 then {{ scaled_quantity('counted.served_quantity') }}
            else greatest({{ days_between('begun.service_period_start', 'least(begun.served_before, begun.known_before)') }}, 1)
        end as {{ wide_integer() }}) as served_share,
        cast(case
            when not begun.is_running then 1
            when begun.kind = 'fee' then {{ days_between('begun.service_period_start', 'begun.service_period_end') }}
            when counted.known_quantity > 0 and counted.served_quantity >= 0 then {{ scaled_quantity('counted.known_quantity') }}
            else greatest({{ days_between('begun.service_period_start', 'begun.known_before') }}, 1)
        end as {{ wide_integer() }}) as known_share
    from begun
    left join issued on begun.line_key = issued.line_key
    left join counted on begun.line_key = counted.line_key
),

-- What is issued of a fee is deferred and earned by its schedule; what is issued of anything else is earned.
unissued as (
    select
        shared.*,
        cast(case
            when kind = 'fee' then {{ half_up_quotient('(rated_minor - issued_by_then_minor) * served_share', 'known_share') }}
            else {{ half_up_quotient('rated_minor * served_share', 'known_share') }} - issued_by_then_minor
        end as bigint) as unissued_minor
    from shared
),

-- A credit never exceeds its line.
capped as (
    select
        unissued.*,
        case
            when unissued.unissued_minor < 0 then least(unissued.unissued_minor + unissued.absorbed_minor, 0)
            else unissued.unissued_minor
        end as charged_minor,
        coalesce(tax_treatments.tax_rate, unissued.issued_tax_rate) as tax_rate,
        -- An amount is known unless its rating is held, it is doubted, or nobody can say what tax is within it.
        case
            when unissued.hold_reason is not null then unissued.hold_reason
            when usage_spikes.line_key is not null and unissued.unissued_minor > 0 then 'usage_spike'
            when unissued.tax_behavior = 'inclusive' and coalesce(tax_treatments.tax_rate, unissued.issued_tax_rate) is null
                then coalesce(tax_treatments.hold_reason, 'missing_tax_rate')
        end as own_hold_reason
    from unissued
    left join tax_treatments on unissued.line_key = tax_treatments.line_key
    left join usage_spikes on unissued.line_key = usage_spikes.line_key
),

final as (
    select
        entity,
        period,
        line_key,
        kind,
        subscription_id,
        customer_id,
        product,
        currency,
        service_period_start,
        least(service_period_end, served_before) as service_period_end,
        last_day,
        -- Revenue is without the tax that is within a price.
        cast(case
            when tax_behavior = 'inclusive' and tax_rate is not null
                then charged_minor - {{ tax_within('charged_minor', 'tax_rate', 'inclusive_tax_rounding') }}
            else charged_minor
        end as bigint) as amount_minor,
        own_hold_reason as hold_reason
    from capped
)

select * from final
where
    amount_minor <> 0
    or hold_reason is not null
