with

requests as (
    select * from {{ ref('stg_register_opening__approval_requests') }}
    where
        kind = 'write_off'
        and status = 'approved'
),

invoice_settlements as (
    select * from {{ ref('invoice_settlements') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

sealed_journals as (
    select * from {{ ref('stg_register_issued__journal_entries') }}
),

dated as (
    select
        requests.request_id as decision_id,
        requests.entity,
        requests.subject as invoice_key,
        invoice_settlements.invoice_key is not null as is_issued,
        invoice_settlements.customer_id,
        requests.currency,
        requests.amount_minor,
        requests.reason,
        requests.requested_by,
        requests.decided_by as approved_by,
        requests.verdict_position,
        invoice_settlements.due_minor,
        sealed_journals.natural_id is not null as is_posted,
        coalesce(sealed_journals.posting_date, {{ add_days(add_months('entities.first_open_month', 1), -1) }}) as posting_date
    from requests
    left join invoice_settlements on requests.subject = invoice_settlements.invoice_key
    left join entities on requests.entity = entities.entity
    left join sealed_journals
        on
            requests.entity = sealed_journals.entity
            and {{ decision_natural_id('requests.request_id') }} = sealed_journals.natural_id
),

-- What is posted stays, whatever is credited or paid afterwards.
measured as (
    select
        dated.*,
        coalesce(due_minor, 0) - sum(case when is_posted then amount_minor else 0 end) over (partition by invoice_key) as open_minor
    from dated
),

judged as (
    select
        measured.*,
        case
            when is_posted then null
            when not is_issued then 'not_issued'
            when amount_minor > open_minor then 'exceeds_balance'
        end as refusal
    from measured
),

ranked as (
    select
        judged.*,
        row_number() over (
            partition by invoice_key, case when not is_posted and refusal is null then 0 else 1 end
            order by verdict_position asc
        ) as turn
    from judged
),

final as (
    select
        decision_id,
        entity,
        invoice_key,
        customer_id,
        currency,
        amount_minor,
        cast(open_minor as bigint) as open_minor,
        reason,
        requested_by,
        approved_by,
        is_posted,
        posting_date,
        {{ period_of('posting_date') }} as period,
        case
            when is_posted then null
            else coalesce(refusal, case when turn > 1 then 'earlier_decision_first' end)
        end as hold_reason
    from ranked
)

select * from final
