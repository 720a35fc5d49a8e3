with

journal_entries as (
    select * from {{ ref('journal_entries') }}
),

journal_lines as (
    select * from {{ ref('journal_lines') }}
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

issued as (
    select business_key
    from {{ ref('stg_register_issued__documents') }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
),

mirror as (
    select * from {{ ref('stg_register_issued__mirror') }}
),

new_entries as (
    select journal_entries.*
    from journal_entries
    left join issued on journal_entries.business_key = issued.business_key
    where issued.business_key is null
),

lines as (
    select
        journal_lines.natural_id,
        journal_lines.entity,
        {{ json_array_of(json_object({
            "line_key": "journal_lines.line_key",
            "account": "journal_lines.account",
            "dimensions": "journal_lines.dimensions",
            "side": "journal_lines.side",
            "amount_minor": "journal_lines.amount_minor",
            "functional_minor": "journal_lines.functional_minor",
            "customer_id": "journal_lines.customer_id",
            "source_line_key": "journal_lines.source_line_key",
            "service_period_start": "cast(journal_lines.service_period_start as varchar)",
            "service_period_end": "cast(journal_lines.service_period_end as varchar)",
        }), 'journal_lines.line_key') }} as lines_json
    from journal_lines
    inner join new_entries
        on
            journal_lines.natural_id = new_entries.natural_id
            and journal_lines.entity = new_entries.entity
    group by
        journal_lines.natural_id,
        journal_lines.entity
),

final as (
    select
        cast({{ outbox_contract_version() }} as integer) as contract_version,
        'tryton' as system,
        new_entries.entity,
        'journal_entry' as document_type,
        new_entries.natural_id,
        new_entries.business_key,
        cast(1 as integer) as revision,
        'create' as operation,
        cast(null as varchar) as series,
        new_entries.posting_date as document_date,
        new_entries.posting_date,
        new_entries.period,
        new_entries.currency,
        new_entries.debit_minor as total_minor,
        case
            when new_entries.has_party
                then {{ dbt.concat(["'[\"tryton/'", "new_entries.entity", "'/customer/'", "new_entries.customer_id", "'\"]'"]) }}
            else '[]'
        end as depends_on,
        'confidential-financial' as sensitivity,
        new_entries.event as cause,
        new_entries.business_key as subtracted_key,
        cast(0 as bigint) as register_head,
        mirror.incarnation as register_incarnation,
        cast({{ json_object({
            "source_document": "new_entries.source_document",
            "source_number": "new_entries.source_number",
            "event": "new_entries.event",
            "reverses": "new_entries.reverses",
            "description": dbt.concat(["new_entries.event", "' '", "new_entries.source_number"]),
            "customer_id": "new_entries.customer_id",
            "currency": "new_entries.currency",
            "currency_exponent": "cast(transaction_currency.exponent as integer)",
            "functional_currency": "new_entries.functional_currency",
            "functional_exponent": "cast(functional.exponent as integer)",
            "exchange_rate": "new_entries.exchange_rate",
            "payment_method": "payments.method",
            "decision_id": "case when new_entries.event = 'write_off' then " ~ decision_id_of('new_entries.natural_id') ~ " end",
            "lines": "lines.lines_json",
        }) }} as varchar) as payload
    from new_entries
    cross join mirror
    inner join lines
        on
            new_entries.natural_id = lines.natural_id
            and new_entries.entity = lines.entity
    left join payments
        on
            new_entries.natural_id = payments.natural_id
            and new_entries.entity = payments.entity
    inner join currencies as transaction_currency on new_entries.currency = transaction_currency.currency
    inner join currencies as functional on new_entries.functional_currency = functional.currency
)

select * from final
