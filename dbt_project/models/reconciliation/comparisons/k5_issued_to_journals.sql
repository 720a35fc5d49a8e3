with

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
    where
        document_type in ('invoice', 'credit_memo')
        and state <> 'cancelled'
),

billing_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

platform_documents as (
    select * from {{ ref('platform_documents') }}
),

revenue_schedule as (
    select * from {{ ref('revenue_schedule') }}
),

credit_applications as (
    select * from {{ ref('stg_register_closing__credit_applications') }}
),

payments as (
    select * from {{ ref('payment_postings') }}
),

decision_postings as (
    select * from {{ ref('decision_postings') }}
),

intercompany_postings as (
    select * from {{ ref('intercompany_postings') }}
),

openings as (
    select * from {{ ref('stg_register_closing__openings') }}
),

breakage as (
    select * from {{ ref('breakage_postings') }}
),

settled as (
    select
        business_key,
        sum(amount_minor) as settled_minor
    from credit_applications
    group by business_key
),

sealed_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
    where cause not in ({{ correction_causes() }})
),

due as (
    select
        documents.entity,
        documents.period,
        'receivable' as measure,
        documents.currency as unit,
        documents.business_key as subject,
        case when documents.document_type = 'credit_memo' then -documents.total_minor else documents.total_minor end
        - coalesce(settled.settled_minor, 0) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        documents.total_minor <> abs(coalesce(settled.settled_minor, 0)) as must_exist
    from documents
    left join settled on documents.business_key = settled.business_key
    union all
    select
        entity,
        period,
        'prepaid credits' as measure,
        currency as unit,
        {{ dbt.concat(["business_key", "' '", "account"]) }} as subject,
        sum(amount_minor) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from credit_applications
    group by
        entity,
        period,
        currency,
        business_key,
        account
    union all
    -- On the account that was frozen with the line, whatever is mapped by now.
    select
        entity,
        period,
        'net' as measure,
        currency as unit,
        {{ dbt.concat(["business_key", "' '", "case when kind = 'fee' then deferred_account else revenue_account end"]) }} as subject,
        sum(amount_minor) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        -- What is nothing is no line of a journal.
        sum(amount_minor) <> 0 as must_exist
    from billing_lines
    group by
        entity,
        period,
        currency,
        business_key,
        case when kind = 'fee' then deferred_account else revenue_account end
    -- What the platform issued is due like our own, held or not.
    {% for measure, value in [("receivable", "total_minor"), ("net", "subtotal_minor")] %}
        union all
        select
            entity,
            period,
            '{{ measure }}' as measure,
            currency as unit,
            business_key as subject,
            {{ value }} as compared_value,
            0 as excused_value,
            case when hold_reason is not null then {{ dbt.concat(["'held: '", "hold_reason"]) }} end as explanation,
            true as must_exist
        from platform_documents
        where {{ value }} <> 0
    {% endfor %}
    -- What was received takes the receivable back, held or not.
    union all
    select
        entity,
        period,
        'payments received' as measure,
        currency as unit,
        coalesce(natural_id, payment_key) as subject,
        amount_minor as compared_value,
        0 as excused_value,
        case when hold_reason is not null then {{ dbt.concat(["'held: '", "hold_reason"]) }} end as explanation,
        true as must_exist
    from payments
    union all
    select
        entity,
        period,
        case event when 'refund_issued' then 'refunds issued' else 'written off' end as measure,
        currency as unit,
        natural_id as subject,
        amount_minor as compared_value,
        0 as excused_value,
        case when hold_reason is not null then {{ dbt.concat(["'held: '", "hold_reason"]) }} end as explanation,
        true as must_exist
    from decision_postings
    -- Each half is due in its entity, held or not.
    union all
    select
        entity,
        period,
        'intercompany' as measure,
        currency as unit,
        {{ dbt.concat(["natural_id", "' '", "balance_role"]) }} as subject,
        case when balance_role = 'receivable' then amount_minor else -amount_minor end as compared_value,
        0 as excused_value,
        case when hold_reason is not null then {{ dbt.concat(["'held: '", "hold_reason"]) }} end as explanation,
        true as must_exist
    from intercompany_postings
    union all
    select
        entity,
        period,
        'opened' as measure,
        currency as unit,
        {{ dbt.concat(["business_key", "' '", "account"]) }} as subject,
        signed_minor as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from openings
    where signed_minor <> 0
    union all
    select
        entity,
        period,
        'credits broken' as measure,
        currency as unit,
        natural_id as subject,
        amount_minor as compared_value,
        0 as excused_value,
        case when hold_reason is not null then {{ dbt.concat(["'held: '", "hold_reason"]) }} end as explanation,
        true as must_exist
    from breakage
    union all
    select
        entity,
        recognition_period as period,
        'recognised' as measure,
        currency as unit,
        source_document as subject,
        sum(amount_minor) as compared_value,
        0 as excused_value,
        cast(null as varchar) as explanation,
        true as must_exist
    from revenue_schedule
    group by
        entity,
        recognition_period,
        currency,
        source_document
),

journalled as (
    select
        entity,
        period,
        'receivable' as measure,
        currency as unit,
        source_document as subject,
        sum(case when side = 'debit' then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where
        customer_id is not null
        and event not in (
            'payment_received', 'refund_issued', 'write_off', 'opening_balance', {{ snapshot_event_list() }}, {{ snapshot_reversal_event_list() }}
        )
    group by
        entity,
        period,
        currency,
        source_document
    union all
    select
        entity,
        period,
        case event when 'payment_received' then 'payments received' when 'refund_issued' then 'refunds issued' else 'written off' end as measure,
        currency as unit,
        natural_id as subject,
        sum(case when (side = 'credit') = (event <> 'refund_issued') then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where
        customer_id is not null
        and event in ('payment_received', 'refund_issued', 'write_off')
    group by
        entity,
        period,
        currency,
        natural_id,
        event
    union all
    select
        entity,
        period,
        'opened' as measure,
        currency as unit,
        {{ dbt.concat(["source_document", "' '", "account"]) }} as subject,
        sum(case when side = 'debit' then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where
        event = 'opening_balance'
        and {{ matches('line_key', '#opened$') }}
    group by
        entity,
        period,
        currency,
        source_document,
        account
    union all
    select
        entity,
        period,
        'credits broken' as measure,
        currency as unit,
        natural_id as subject,
        sum(case when side = 'debit' then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where
        event = 'breakage_recognised'
        and {{ matches('line_key', '#contract_liability$') }}
    group by
        entity,
        period,
        currency,
        natural_id
    union all
    select
        entity,
        period,
        'prepaid credits' as measure,
        currency as unit,
        {{ dbt.concat(["source_document", "' '", "account"]) }} as subject,
        sum(case when side = 'debit' then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where {{ matches('line_key', '#credit:') }}
    group by
        entity,
        period,
        currency,
        source_document,
        account
    union all
    select
        entity,
        period,
        'intercompany' as measure,
        currency as unit,
        {{ dbt.concat(["natural_id", "' '", intercompany_role('line_key')]) }} as subject,
        sum(case when side = 'debit' then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where {{ intercompany_role('line_key') }} in ('receivable', 'payable')
    group by
        entity,
        period,
        currency,
        natural_id,
        {{ intercompany_role('line_key') }}
    union all
    select
        sealed_lines.entity,
        sealed_lines.period,
        'net' as measure,
        sealed_lines.currency as unit,
        -- What the platform issued is due as a whole.
        case
            when documents.business_key is not null then {{ dbt.concat(["sealed_lines.source_document", "' '", "sealed_lines.account"]) }}
            else sealed_lines.source_document
        end as subject,
        sum(case when sealed_lines.side = 'credit' then sealed_lines.amount_minor else -sealed_lines.amount_minor end) as compared_value
    from sealed_lines
    left join documents on sealed_lines.source_document = documents.business_key
    where
        sealed_lines.source_line_key is not null
        and sealed_lines.event <> 'revenue_recognised'
        and {{ matches('sealed_lines.line_key', '#line:') }}
    group by
        sealed_lines.entity,
        sealed_lines.period,
        sealed_lines.currency,
        case
            when documents.business_key is not null then {{ dbt.concat(["sealed_lines.source_document", "' '", "sealed_lines.account"]) }}
            else sealed_lines.source_document
        end
    union all
    select
        entity,
        period,
        'recognised' as measure,
        currency as unit,
        source_document as subject,
        sum(case when side = 'credit' then amount_minor else -amount_minor end) as compared_value
    from sealed_lines
    where
        source_line_key is not null
        and event = 'revenue_recognised'
        and {{ matches('line_key', '#line:') }}
    group by
        entity,
        period,
        currency,
        source_document
),

final as (
    {{ comparison('due', 'journalled', 'K5') }}
)

select * from final
