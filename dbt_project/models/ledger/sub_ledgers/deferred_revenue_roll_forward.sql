with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where kind = 'fee'
),

revenue_schedule as (
    select * from {{ ref('revenue_schedule') }}
),

periods as (
    select * from {{ ref('sub_ledger_periods') }}
),

scheduled as (
    select
        billing_lines.entity,
        billing_lines.period as billed_period,
        revenue_schedule.recognition_period,
        billing_lines.deferred_account as account,
        billing_lines.currency,
        {{ sum_whole('revenue_schedule.amount_minor') }} as amount_minor
    from revenue_schedule
    inner join billing_lines on revenue_schedule.document_line_key = billing_lines.document_line_key
    group by
        billing_lines.entity,
        billing_lines.period,
        revenue_schedule.recognition_period,
        billing_lines.deferred_account,
        billing_lines.currency
),

-- Signed as the liability is: what is still to be served is positive.
movements as (
    select
        entity,
        period,
        deferred_account as account,
        currency,
        case when document_type = 'opening' then amount_minor else 0 end as opened_minor,
        case when document_type = 'invoice' then amount_minor else 0 end as billed_minor,
        case when document_type in ('invoice', 'opening') then 0 else amount_minor end as credited_minor,
        0 as recognised_minor
    from billing_lines
    union all
    select
        entity,
        recognition_period as period,
        account,
        currency,
        0 as opened_minor,
        0 as billed_minor,
        0 as credited_minor,
        -amount_minor as recognised_minor
    from scheduled
),

moved as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole('opened_minor') }} as opened_minor,
        {{ sum_whole('billed_minor') }} as billed_minor,
        {{ sum_whole('credited_minor') }} as credited_minor,
        {{ sum_whole('recognised_minor') }} as recognised_minor
    from movements
    group by
        entity,
        period,
        account,
        currency
),

rolled as (
    {{ rolled_forward('moved', ['account', 'currency'], ['opened_minor', 'billed_minor', 'credited_minor', 'recognised_minor']) }}
),

remaining as (
    select
        scheduled.entity,
        periods.period,
        scheduled.account,
        scheduled.currency,
        {{ sum_whole('scheduled.amount_minor') }} as amount_minor
    from scheduled
    inner join periods
        on
            scheduled.entity = periods.entity
            and scheduled.billed_period <= periods.period
            and scheduled.recognition_period > periods.period
    group by
        scheduled.entity,
        periods.period,
        scheduled.account,
        scheduled.currency
),

final as (
    select
        rolled.entity,
        rolled.period,
        rolled.account,
        rolled.currency,
        rolled.opening_minor,
        rolled.opened_minor,
        rolled.billed_minor,
        rolled.credited_minor,
        rolled.recognised_minor,
        rolled.closing_minor,
        cast(coalesce(remaining.amount_minor, 0) as bigint) as remaining_schedule_minor
    from rolled
    left join remaining
        on
            rolled.entity = remaining.entity
            and rolled.period = remaining.period
            and rolled.account = remaining.account
            and rolled.currency = remaining.currency
)

select * from final
