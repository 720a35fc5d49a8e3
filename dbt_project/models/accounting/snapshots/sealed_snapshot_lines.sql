with

entries as (
    select * from {{ ref('stg_register_issued__documents') }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
        and cause in ({{ snapshot_event_list() }})
),

lines as (
    select * from {{ ref('stg_register_issued__journal_lines') }}
    where event in ({{ snapshot_event_list() }})
),

final as (
    select
        entries.natural_id,
        entries.cause as event,
        lines.source_document,
        {{ json_text('entries.payload', 'source_number') }} as source_number,
        entries.entity,
        entries.period,
        entries.posting_date,
        entries.currency,
        {{ json_text('entries.payload', 'functional_currency') }} as functional_currency,
        {{ json_text('entries.payload', 'exchange_rate') }} as exchange_rate,
        substr(lines.line_key, length(entries.natural_id) + 2) as leg,
        lines.account,
        lines.dimensions,
        cast(case when lines.side = 'debit' then lines.amount_minor else -lines.amount_minor end as bigint) as signed_minor,
        cast(case when lines.side = 'debit' then lines.functional_minor else -lines.functional_minor end as bigint) as signed_functional_minor,
        {{ json_text('entries.payload', 'customer_id') }} as document_customer_id,
        lines.customer_id,
        lines.source_line_key,
        lines.service_period_start,
        lines.service_period_end
    from lines
    inner join entries on lines.document_position = entries.document_position
)

select * from final
