with

journal_entries as (
    select * from {{ ref('journal_entries') }}
),

journal_lines as (
    select * from {{ ref('journal_lines') }}
),

postings as (
    select * from {{ ref('proposed_postings') }}
),

payments as (
    select
        entity,
        natural_id,
        method
    from {{ ref('payment_postings') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

snapshot_periods as (
    select * from {{ ref('snapshot_periods') }}
),

mirror as (
    select * from {{ ref('stg_register_issued__mirror') }}
),

new_entries as (
    select
        journal_entries.*,
        postings.posting_id,
        postings.is_summarised,
        postings.subtracted_key,
        postings.register_head,
        payments.method as payment_method
    from journal_entries
    inner join postings
        on
            journal_entries.natural_id = postings.natural_id
            and journal_entries.entity = postings.entity
    left join payments
        on
            journal_entries.natural_id = payments.natural_id
            and journal_entries.entity = payments.entity
),

new_lines as (
    select
        journal_lines.*,
        new_entries.posting_id,
        new_entries.system,
        new_entries.is_summarised,
        new_entries.payment_method,
        case
            when new_entries.is_summarised
                then {{ dbt.concat(["new_entries.posting_id", "'#'", "journal_lines.account", "':'", "coalesce(journal_lines.dimensions, '')", "':'", "coalesce(journal_lines.customer_id, '')", "':'", "journal_lines.side"]) }}
            else journal_lines.line_key
        end as posted_line_key
    from journal_lines
    inner join new_entries
        on
            journal_lines.natural_id = new_entries.natural_id
            and journal_lines.entity = new_entries.entity
),

-- A summary has a line per account, dimensions, party and side; neither side is netted away.
posted_lines as (
    select
        entity,
        posting_id,
        line_key,
        account,
        dimensions,
        side,
        amount_minor,
        functional_minor,
        customer_id,
        partner_entity,
        source_line_key,
        service_period_start,
        service_period_end
    from new_lines
    where not is_summarised
    union all
    select
        entity,
        posting_id,
        posted_line_key as line_key,
        account,
        dimensions,
        side,
        {{ sum_whole('amount_minor') }} as amount_minor,
        {{ sum_whole('functional_minor') }} as functional_minor,
        customer_id,
        cast(null as varchar) as partner_entity,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from new_lines
    where is_summarised
    group by
        entity,
        posting_id,
        posted_line_key,
        account,
        dimensions,
        side,
        customer_id
),

lines as (
    select
        posting_id,
        entity,
        {{ json_array_of(json_object({
            "line_key": "line_key",
            "account": "account",
            "dimensions": "dimensions",
            "side": "side",
            "amount_minor": "amount_minor",
            "functional_minor": "functional_minor",
            "customer_id": "customer_id",
            "partner_entity": "partner_entity",
            "source_line_key": "source_line_key",
            "service_period_start": "cast(service_period_start as varchar)",
            "service_period_end": "cast(service_period_end as varchar)",
        }), 'line_key') }} as lines_json
    from posted_lines
    group by
        posting_id,
        entity
),

-- Everything that a summary stands for, so that it is never only a sum.
summarised as (
    select
        posting_id,
        entity,
        {{ json_array_of(json_object({
            "line_key": "line_key",
            "posted_line_key": "posted_line_key",
            "natural_id": "natural_id",
            "event": "event",
            "source_document": "source_document",
            "exchange_rate": "exchange_rate",
            "payment_method": "payment_method",
            "account": "account",
            "dimensions": "dimensions",
            "side": "side",
            "amount_minor": "amount_minor",
            "functional_minor": "functional_minor",
            "customer_id": "customer_id",
            "partner_entity": "partner_entity",
            "source_line_key": "source_line_key",
            "service_period_start": "cast(service_period_start as varchar)",
            "service_period_end": "cast(service_period_end as varchar)",
        }), 'line_key') }} as summarised_json
    from new_lines
    where is_summarised
    group by
        posting_id,
        entity
),

parties as (
    select
        posting_id,
        entity,
        {{ ordered_text(dbt.concat(["'\"'", "system", "'/'", "entity", "'/customer/'", "customer_id", "'\"'"]), 'customer_id') }} as party_keys
    from (
        select distinct
            posting_id,
            system,
            entity,
            customer_id
        from new_lines
        where customer_id is not null
    ) as distinct_parties
    group by
        posting_id,
        entity
),

documents as (
    select
        posting_id,
        business_key,
        is_summarised,
        system,
        entity,
        source_document,
        source_number,
        event,
        reverses,
        posting_date,
        period,
        currency,
        functional_currency,
        exchange_rate,
        customer_id,
        debit_minor,
        subtracted_key,
        register_head,
        payment_method
    from new_entries
    where not is_summarised
    union all
    select
        posting_id,
        {{ dbt.concat(["system", "'/'", "entity", "'/journal_entry/'", "posting_id"]) }} as business_key,
        is_summarised,
        system,
        entity,
        cast(null as varchar) as source_document,
        cast(count(*) as varchar) as source_number,
        'daily_summary' as event,
        cast(null as varchar) as reverses,
        posting_date,
        period,
        currency,
        functional_currency,
        cast(null as varchar) as exchange_rate,
        cast(null as varchar) as customer_id,
        {{ sum_whole('debit_minor') }} as debit_minor,
        subtracted_key,
        register_head,
        cast(null as varchar) as payment_method
    from new_entries
    where is_summarised
    group by
        posting_id,
        is_summarised,
        system,
        entity,
        posting_date,
        period,
        currency,
        functional_currency,
        subtracted_key,
        register_head
),

-- A snapshot is of one cutoff, and each of its entries says how many there are.
snapshots as (
    select
        snapshot_periods.entity,
        snapshot_periods.event,
        snapshot_periods.period,
        snapshot_periods.landing_position,
        snapshot_periods.register_position,
        count(*) as entry_count
    from snapshot_periods
    inner join documents
        on
            snapshot_periods.entity = documents.entity
            and snapshot_periods.event = documents.event
            and snapshot_periods.period = documents.period
    group by
        snapshot_periods.entity,
        snapshot_periods.event,
        snapshot_periods.period,
        snapshot_periods.landing_position,
        snapshot_periods.register_position
),

final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        documents.system,
        documents.entity,
        'journal_entry' as document_type,
        documents.posting_id as natural_id,
        documents.business_key,
        cast(1 as integer) as revision,
        'create' as operation,
        cast(null as varchar) as series,
        documents.posting_date as document_date,
        documents.posting_date,
        documents.period,
        documents.currency,
        documents.debit_minor as total_minor,
        case when documents.system <> 'register' then {{ dbt.concat(["'['", "coalesce(parties.party_keys, '')", "']'"]) }} else '[]' end as depends_on,
        'confidential-financial' as sensitivity,
        documents.event as cause,
        documents.subtracted_key,
        documents.register_head,
        mirror.incarnation as register_incarnation,
        cast({{ json_object({
            "source_document": "documents.source_document",
            "source_number": "documents.source_number",
            "event": "documents.event",
            "reverses": "documents.reverses",
            "description": dbt.concat(["documents.event", "' '", "documents.source_number"]),
            "customer_id": "documents.customer_id",
            "currency": "documents.currency",
            "currency_exponent": "cast(transaction_currency.exponent as integer)",
            "functional_currency": "documents.functional_currency",
            "functional_exponent": "cast(functional.exponent as integer)",
            "exchange_rate": "documents.exchange_rate",
            "payment_method": "documents.payment_method",
            "decision_id": "case when documents.event = 'write_off' then " ~ decision_id_of('documents.posting_id') ~ " end",
            "snapshot_landing_position": "snapshots.landing_position",
            "snapshot_register_position": "snapshots.register_position",
            "snapshot_entry_count": "snapshots.entry_count",
            "lines": "lines.lines_json",
            "summarised": "summarised.summarised_json",
        }) }} as varchar) as payload
    from documents
    cross join mirror
    inner join lines
        on
            documents.posting_id = lines.posting_id
            and documents.entity = lines.entity
    left join summarised
        on
            documents.posting_id = summarised.posting_id
            and documents.entity = summarised.entity
    left join parties
        on
            documents.posting_id = parties.posting_id
            and documents.entity = parties.entity
    left join snapshots
        on
            documents.entity = snapshots.entity
            and documents.event = snapshots.event
            and documents.period = snapshots.period
    inner join currencies as transaction_currency on documents.currency = transaction_currency.currency
    inner join currencies as functional on documents.functional_currency = functional.currency
)

select * from final
