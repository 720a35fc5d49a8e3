with

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

unbilled_accruals as (
    select * from {{ ref('unbilled_accruals') }}
),

revaluations as (
    select * from {{ ref('revaluations') }}
),

sealed_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
    where cause not in ({{ correction_causes() }})
),

sealed_entries as (
    select * from {{ ref('stg_register_closing__documents') }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
),

sealed_snapshots as (
    select * from sealed_entries
    where cause in ({{ snapshot_event_list() }})
),

-- Debit positive, in both currencies: what an entry that takes another back must negate to the last minor unit.
signed_lines as (
    {% for unit, amount in [("sealed_lines.currency", "amount_minor"), ("entities.functional_currency", "functional_minor")] %}
        select
            sealed_lines.entity,
            sealed_lines.period,
            sealed_lines.posting_date,
            sealed_lines.event,
            sealed_lines.natural_id,
            sealed_lines.account,
            '{% if loop.first %}taken back{% else %}taken back in functional currency{% endif %}' as measure,
            {{ unit }} as unit,
            case when sealed_lines.side = 'debit' then sealed_lines.{{ amount }} else -sealed_lines.{{ amount }} end as signed_minor
        from sealed_lines
        inner join entities on sealed_lines.entity = entities.entity
        where sealed_lines.event in ({{ snapshot_event_list() }}, {{ snapshot_reversal_event_list() }})
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

due as (
    -- What cannot be accrued is listed: its amount is not known, or its entity has no account for it.
    select
        entity,
        period,
        'accrued' as measure,
        currency as unit,
        {{ dbt.concat(["natural_id", "case when hold_reason is null then '' else ' ' || line_key end"]) }} as subject,
        sum(amount_minor) as compared_value,
        sum(case when is_unaccruable then amount_minor else 0 end) as excused_value,
        {{ dbt.concat(["'held: '", "min(hold_reason)"]) }} as explanation,
        max(case when is_unaccruable then 1 else 0 end) = 0 as must_exist
    from unbilled_accruals
    group by
        entity,
        period,
        currency,
        {{ dbt.concat(["natural_id", "case when hold_reason is null then '' else ' ' || line_key end"]) }}
    union all
    select
        entity,
        period,
        'revalued' as measure,
        functional_currency as unit,
        natural_id as subject,
        -- Without a rate nobody knows it, unless nobody asks.
        case when is_unrevaluable then coalesce(difference_minor, 0) else difference_minor end as compared_value,
        case when is_unrevaluable then coalesce(difference_minor, 0) else 0 end as excused_value,
        {{ dbt.concat(["'held: '", "hold_reason"]) }} as explanation,
        not is_unrevaluable as must_exist
    from revaluations
    -- What was sealed together states how much it is.
    union all
    select
        entity,
        period,
        'snapshot entries' as measure,
        'documents' as unit,
        cause as subject,
        max(cast({{ json_text('payload', 'snapshot_entry_count') }} as bigint)) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from sealed_snapshots
    group by
        entity,
        period,
        cause
    union all
    select
        entity,
        {{ period_of(first_day_after_month_of('posting_date')) }} as period,
        measure,
        unit,
        {{ dbt.concat([snapshot_reversal_of("natural_id"), "' '", "account"]) }} as subject,
        -sum(signed_minor) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from signed_lines
    where event in ({{ snapshot_event_list() }})
    group by
        entity,
        {{ period_of(first_day_after_month_of('posting_date')) }},
        measure,
        unit,
        natural_id,
        account
),

journalled as (
    select
        entity,
        period,
        'accrued' as measure,
        currency as unit,
        natural_id as subject,
        sum(case when side = 'credit' then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where
        event = 'unbilled_receivables_accrued'
        and {{ matches('line_key', '#accrued:') }}
    group by
        entity,
        period,
        currency,
        natural_id
    union all
    select
        sealed_lines.entity,
        sealed_lines.period,
        'revalued' as measure,
        entities.functional_currency as unit,
        sealed_lines.natural_id as subject,
        sum(case when sealed_lines.side = 'debit' then sealed_lines.functional_minor else -sealed_lines.functional_minor end) as compared_value
    from sealed_lines
    inner join entities on sealed_lines.entity = entities.entity
    where
        sealed_lines.event = 'receivables_revalued'
        and sealed_lines.customer_id is not null
    group by
        sealed_lines.entity,
        sealed_lines.period,
        entities.functional_currency,
        sealed_lines.natural_id
    union all
    select
        entity,
        period,
        'snapshot entries' as measure,
        'documents' as unit,
        cause as subject,
        count(*) as compared_value
    from sealed_snapshots
    group by
        entity,
        period,
        cause
    union all
    select
        entity,
        period,
        measure,
        unit,
        {{ dbt.concat(["natural_id", "' '", "account"]) }} as subject,
        sum(signed_minor) as compared_value
    from signed_lines
    where event in ({{ snapshot_reversal_event_list() }})
    group by
        entity,
        period,
        measure,
        unit,
        natural_id,
        account
),

final as (
    {{ comparison('due', 'journalled', 'K5') }}
)

select * from final
