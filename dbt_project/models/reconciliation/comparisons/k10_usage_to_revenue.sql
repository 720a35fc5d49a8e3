with

rated_to_issued as (
    select * from {{ ref('k3_rated_to_issued') }}
),

line_deltas as (
    select
        line_key,
        tax_behavior
    from {{ ref('line_deltas') }}
),

billing_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

-- What is in the books: sealed, and not finally rejected.
journal_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
    where
        state <> 'rejected'
        and source_line_key is not null
        and cause not in ({{ correction_causes() }})
),

claimed_daily_usage as (
    select distinct usage_key from {{ ref('claimed_daily_usage') }}
),

usage_summaries as (
    select
        usage_key,
        event_count
    from {{ ref('usage_summaries') }}
),

moves as (
    select * from {{ ref('stg_ledger__moves') }}
    where
        reference is not null
        and state = 'posted'
),

move_lines as (
    select * from {{ ref('stg_ledger__move_lines') }}
),

-- Of each line what is revenue, and what is deferred, on the accounts that were frozen with it; on another account it is neither. What the entities
-- charge each other for a line is nobody's revenue of it, whatever its account, and half of it is in the books of another entity.
booked as (
    select
        billing_lines.entity,
        billing_lines.billing_month,
        billing_lines.currency,
        billing_lines.line_key,
        billing_lines.kind,
        journal_lines.reference,
        journal_lines.entity as posting_entity,
        journal_lines.period as posting_period,
        journal_lines.line_key as journal_line_key,
        journal_lines.posted_line_key,
        case when journal_lines.side = 'credit' then journal_lines.amount_minor else -journal_lines.amount_minor end as signed_minor,
        journal_lines.event <> 'intercompany_charged' and billing_lines.kind = 'fee' and journal_lines.account = billing_lines.deferred_account
            as is_deferred,
        journal_lines.event <> 'intercompany_charged' and journal_lines.account = billing_lines.revenue_account as is_revenue
    from journal_lines
    inner join billing_lines on journal_lines.source_line_key = billing_lines.document_line_key
),

sums as (
    select
        entity,
        billing_month,
        currency,
        line_key,
        sum(case when is_revenue and not is_deferred then signed_minor else 0 end) as revenue_minor,
        sum(case when is_deferred then signed_minor else 0 end) as deferred_minor
    from booked
    group by
        entity,
        billing_month,
        currency,
        line_key
),

-- What people decided about a line, and the tax within its price, in the terms that the price has by now.
beside_rating as (
    select
        billing_lines.entity,
        billing_lines.billing_month,
        billing_lines.currency,
        billing_lines.line_key,
        sum(case when billing_lines.counts_as_issued then 0 else billing_lines.amount_minor end) as decided_minor,
        sum(
            case
                when billing_lines.counts_as_issued and coalesce(line_deltas.tax_behavior, billing_lines.tax_behavior) = 'inclusive'
                    then billing_lines.tax_minor
                else 0
            end
        ) as tax_within_minor
    from billing_lines
    left join line_deltas on billing_lines.line_key = line_deltas.line_key
    group by
        billing_lines.entity,
        billing_lines.billing_month,
        billing_lines.currency,
        billing_lines.line_key
),

-- What was listed on the way to the issued line is listed here too, with what stands between the line and revenue.
rated as (
    select
        rated_to_issued.entity,
        rated_to_issued.period,
        'revenue' as measure,
        rated_to_issued.unit,
        rated_to_issued.subject,
        rated_to_issued.left_value as compared_value,
        rated_to_issued.excused_value
        + coalesce(beside_rating.tax_within_minor, 0) - coalesce(beside_rating.decided_minor, 0) + coalesce(sums.deferred_minor, 0) as excused_value,
        case
            when rated_to_issued.explanation is not null then rated_to_issued.explanation
            when beside_rating.decided_minor <> 0 then 'given or taken by a decision'
            when sums.deferred_minor <> 0 then 'not yet earned'
            when beside_rating.tax_within_minor <> 0 then 'tax within the price'
        end as explanation,
        false as must_exist
    from rated_to_issued
    left join sums
        on
            rated_to_issued.subject = sums.line_key
            and rated_to_issued.entity = sums.entity
            and rated_to_issued.unit = sums.currency
            and rated_to_issued.period = {{ period_of('sums.billing_month') }}
    left join beside_rating
        on
            rated_to_issued.subject = beside_rating.line_key
            and rated_to_issued.entity = beside_rating.entity
            and rated_to_issued.unit = beside_rating.currency
            and rated_to_issued.period = {{ period_of('beside_rating.billing_month') }}
    where rated_to_issued.left_value is not null
),

-- The walk of each line of usage in the books: its days, its summary, its invoice line, its entry, and the ERP's line of it. What was charged
-- without an event begins with the summary, and what by now is rated at nothing with the invoice line.
walked as (
    select
        booked.posting_entity as entity,
        booked.posting_period as period,
        booked.reference,
        booked.journal_line_key,
        (rated_to_issued.left_value = 0 or usage_summaries.event_count = 0 or claimed_daily_usage.usage_key is not null)
        and (rated_to_issued.left_value = 0 or usage_summaries.usage_key is not null)
        and rated_to_issued.left_value is not null
        and move_lines.line_key is not null as is_complete
    from booked
    left join usage_summaries on booked.line_key = usage_summaries.usage_key
    left join claimed_daily_usage on booked.line_key = claimed_daily_usage.usage_key
    left join rated_to_issued
        on
            booked.line_key = rated_to_issued.subject
            and booked.entity = rated_to_issued.entity
            and booked.currency = rated_to_issued.unit
            and rated_to_issued.period = {{ period_of('booked.billing_month') }}
    left join moves
        on
            booked.reference = moves.reference
            and booked.posting_entity = moves.entity
            and booked.posting_period = moves.period
    left join move_lines
        on
            moves.remote_id = move_lines.remote_id
            and moves.entity = move_lines.entity
            and moves.period = move_lines.period
            and booked.posted_line_key = move_lines.line_key
    where booked.kind = 'usage'
),

expected as (
    select
        entity,
        period,
        measure,
        unit,
        subject,
        compared_value,
        excused_value,
        explanation,
        must_exist
    from rated
    union all
    select
        entity,
        period,
        'walk' as measure,
        'lines' as unit,
        {{ dbt.concat(["reference", "' '", "journal_line_key"]) }} as subject,
        count(distinct journal_line_key) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from walked
    group by
        entity,
        period,
        reference,
        journal_line_key
),

in_the_books as (
    select
        entity,
        {{ period_of('billing_month') }} as period,
        'revenue' as measure,
        currency as unit,
        line_key as subject,
        revenue_minor as compared_value
    from sums
    union all
    select
        entity,
        period,
        'walk' as measure,
        'lines' as unit,
        {{ dbt.concat(["reference", "' '", "journal_line_key"]) }} as subject,
        max(case when is_complete then 1 else 0 end) as compared_value
    from walked
    group by
        entity,
        period,
        reference,
        journal_line_key
),

final as (
    {{ comparison('expected', 'in_the_books', 'K10') }}
)

select * from final
