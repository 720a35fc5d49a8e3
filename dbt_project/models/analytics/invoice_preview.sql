with

draft_lines as (
    select * from {{ ref('draft_lines') }}
),

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
),

issued_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

rated_adjustments as (
    select * from {{ ref('rated_adjustments') }}
),

usage_summaries as (
    select * from {{ ref('usage_summaries') }}
),

-- A draft that was issued since it was computed is no draft any more.
drafts as (
    select draft_lines.*
    from draft_lines
    left join issued_lines on draft_lines.document_line_key = issued_lines.document_line_key
    where issued_lines.document_line_key is null
),

issued as (
    select
        issued_lines.*,
        documents.natural_id,
        documents.state as delivery_state,
        corrected.number as corrects_number,
        sum(issued_lines.amount_minor) over (
            partition by issued_lines.line_key
            order by issued_lines.document_position asc, issued_lines.document_line_key asc
            rows between unbounded preceding and current row
        ) as issued_through_minor
    from issued_lines
    inner join documents on issued_lines.document_position = documents.document_position
    left join issued_lines as corrected on issued_lines.corrects_line_key = corrected.document_line_key
),

combined as (
    select
        document_line_key,
        natural_id as preview_id,
        number as document_number,
        case document_type when 'credit_memo' then 'credited' else 'issued' end as state,
        delivery_state,
        document_type,
        line_key,
        corrects_line_key,
        corrects_number,
        entity,
        {{ month_start("cast(period || '-01' as date)") }} as document_month,
        customer_id,
        currency,
        kind,
        subscription_id,
        charge_id,
        meter,
        description,
        service_period_start,
        service_period_end,
        billing_month,
        event_count,
        price_version,
        cause,
        amount_minor as net_minor,
        tax_minor,
        cast(issued_through_minor - amount_minor as bigint) as old_minor,
        cast(issued_through_minor as bigint) as new_minor,
        cast(null as varchar) as hold_reason,
        cast(null as varchar) as hold_meaning,
        cast(null as varchar) as what_to_do,
        document_position
    from issued
    union all
    select
        document_line_key,
        preview_id,
        cast(null as varchar) as document_number,
        state,
        cast(null as varchar) as delivery_state,
        document_type,
        line_key,
        corrects_line_key,
        corrects_number,
        entity,
        document_month,
        customer_id,
        currency,
        kind,
        subscription_id,
        charge_id,
        meter,
        description,
        service_period_start,
        service_period_end,
        billing_month,
        event_count,
        price_version,
        cause,
        net_minor,
        tax_minor,
        old_minor,
        new_minor,
        hold_reason,
        hold_meaning,
        what_to_do,
        -- After everything that was issued.
        cast(9223372036854775807 as bigint) as document_position
    from drafts
),

placed as (
    select
        combined.*,
        max(case when state = 'issued' then document_position end) over (
            partition by line_key
            order by document_position asc, document_line_key asc
            rows between unbounded preceding and 1 preceding
        ) as position_before
    from combined
),

-- What the same line said on the invoice before this document tells why it changed.
compared as (
    select
        placed.*,
        issued.document_line_key as line_before,
        issued.number as number_before,
        issued.event_count as events_before,
        issued.price_version as price_before
    from placed
    left join issued
        on
            placed.line_key = issued.line_key
            and placed.position_before = issued.document_position
),

reasoned as (
    select
        compared.*,
        case
            when state = 'held' then 'held'
            when cause in ({{ decision_causes() }}) then 'decision'
            when cause = 'rebill' then 'rebill'
            when cause = 'adjustment' then 'adjustment'
            when cause = 'threshold' and line_before is null then 'threshold'
            when line_before is null and billing_month < document_month then 'late'
            when line_before is null then kind
            when (price_version is distinct from price_before) then 'price_change'
            when (event_count is distinct from events_before) then 'correction'
            when document_type = 'credit_memo' and kind = 'fee' then 'service_ended'
            else 'changed_terms'
        end as reason_code,
        {{ dbt.concat(["cast(service_period_start as varchar)", "' to '", "cast(" ~ add_days('service_period_end', -1) ~ " as varchar)"]) }} as served,
        {{ dbt.concat(["coalesce(cast(event_count as varchar), '0')", "case when event_count = 1 then ' event' else ' events' end"]) }} as events_text,
        coalesce(price_version, 'none') as price_text
    from compared
),

final as (
    select
        reasoned.document_line_key,
        reasoned.preview_id,
        reasoned.document_number,
        reasoned.state,
        reasoned.delivery_state,
        reasoned.document_type,
        reasoned.line_key,
        case when reasoned.kind = 'usage' then reasoned.line_key end as usage_key,
        reasoned.corrects_line_key,
        reasoned.entity,
        {{ period_of('reasoned.document_month') }} as period,
        reasoned.customer_id,
        reasoned.currency,
        reasoned.kind,
        reasoned.subscription_id,
        reasoned.charge_id,
        reasoned.meter,
        reasoned.description,
        reasoned.service_period_start,
        reasoned.service_period_end,
        reasoned.price_version,
        reasoned.net_minor,
        reasoned.tax_minor,
        cast(reasoned.net_minor + reasoned.tax_minor as bigint) as gross_minor,
        reasoned.old_minor,
        reasoned.new_minor,
        reasoned.cause,
        reasoned.reason_code,
        case
            when reasoned.reason_code = 'held'
                then {{ dbt.concat(["'Held: '", "coalesce(reasoned.hold_meaning, reasoned.hold_reason)", "'. '", "coalesce(reasoned.what_to_do, '')"]) }}
            when reasoned.reason_code = 'decision'
                then {{ dbt.concat(["'A person decided it ('", "replace(reasoned.cause, '_', ' ')", "') on '", "coalesce(reasoned.corrects_number, '')"]) }}
            when reasoned.reason_code = 'adjustment'
                then {{ dbt.concat(["'An approved adjustment of '", "reasoned.served", "': '", "coalesce(rated_adjustments.decision_reason, '')"]) }}
            when reasoned.reason_code = 'rebill'
                then {{ dbt.concat(["'Billed again for '", "reasoned.served", "' after its invoice was voided'"]) }}
            when reasoned.reason_code = 'threshold'
                then {{ dbt.concat(["'Usage of '", "reasoned.served", "' reached the threshold of its plan, '", "reasoned.events_text", "' at price version '", "reasoned.price_text"]) }}
            when reasoned.reason_code = 'late'
                then {{ dbt.concat(["'Late '", "reasoned.kind", "' of '", "reasoned.served", "': it was due in '", period_of('reasoned.billing_month'), "', which was closed'"]) }}
            when reasoned.reason_code = 'price_change'
                then {{ dbt.concat(["'Price change for '", "reasoned.served", "': version '", "coalesce(reasoned.price_before, 'none')", "' became '", "reasoned.price_text", "', corrects '", "coalesce(reasoned.corrects_number, reasoned.number_before, '')"]) }}
            when reasoned.reason_code = 'correction'
                then {{ dbt.concat(["'Late or corrected usage of '", "reasoned.served", "': from '", "coalesce(cast(reasoned.events_before as varchar), '0')", "' to '", "reasoned.events_text", "', corrects '", "coalesce(reasoned.corrects_number, reasoned.number_before, '')"]) }}
            when reasoned.reason_code = 'service_ended'
                then {{ dbt.concat(["'The service of '", "reasoned.served", "' was billed by '", "coalesce(reasoned.corrects_number, '')", "' and is not given'"]) }}
            when reasoned.reason_code = 'changed_terms'
                then {{ dbt.concat(["'The terms of '", "reasoned.served", "' changed since '", "coalesce(reasoned.corrects_number, reasoned.number_before, '')"]) }}
            when reasoned.reason_code = 'commitment'
                then {{ dbt.concat(["'True-up to the commitment for '", "reasoned.served", "' at price version '", "reasoned.price_text"]) }}
            when reasoned.reason_code = 'usage'
                then {{ dbt.concat(["'Usage of '", "reasoned.served", "', '", "reasoned.events_text", "' at price version '", "reasoned.price_text"]) }}
            else {{ dbt.concat(["upper(substr(reasoned.kind, 1, 1))", "substr(reasoned.kind, 2)", "' for '", "reasoned.served", "' at price version '", "reasoned.price_text"]) }}
        end as reason,
        reasoned.hold_reason,
        reasoned.what_to_do,
        reasoned.event_count,
        usage_summaries.first_event_at,
        usage_summaries.last_event_at
    from reasoned
    left join usage_summaries on reasoned.line_key = usage_summaries.usage_key
    left join rated_adjustments on reasoned.line_key = rated_adjustments.line_key
)

select * from final
