with

books as (
    select * from {{ ref('stg_finance__books') }}
    where
        violation is null
        and fee_recognition = 'on_invoice'
),

general_ledger as (
    select * from {{ ref('general_ledger') }}
),

fee_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where kind = 'fee'
),

opened_fees as (
    select distinct
        entity,
        business_key
    from fee_lines
    where document_type = 'opening'
),

-- What a document defers. A credit memo and what is taken back are such documents too, with the other sign.
deferred_lines as (
    select
        general_ledger.*,
        fee_lines.revenue_account,
        {{ json_text('fee_lines.account_dimensions', 'revenue') }} as revenue_dimensions
    from general_ledger
    inner join fee_lines
        on
            general_ledger.entity = fee_lines.entity
            and general_ledger.source_document = fee_lines.business_key
            and general_ledger.source_line_key = fee_lines.document_line_key
            and general_ledger.account = fee_lines.deferred_account
    where general_ledger.event in ('invoice_issued', 'credit_memo_issued', 'invoice_voided', 'credit_memo_voided')
),

-- What was deferred at cutover had been revenue before, and none of it is recognised again.
reversed_lines as (
    select general_ledger.*
    from general_ledger
    left join opened_fees
        on
            general_ledger.entity = opened_fees.entity
            and general_ledger.source_document = opened_fees.business_key
    where
        general_ledger.event = 'revenue_recognised'
        or (general_ledger.event = 'opening_balance' and opened_fees.business_key is not null)
),

sides as (
    {% for side, sign in [('deferred', '-'), ('revenue', '')] %}
        select
            entity,
            natural_id as adjusts,
            'recognised_on_invoice' as adjustment,
            {{ dbt.concat(["'#" ~ side ~ ":'", "source_line_key"]) }} as leg,
            'revenue_recognised_on_invoice' as event,
            posting_date,
            period,
            {{ 'account' if side == 'deferred' else 'revenue_account' }} as account,
            {{ 'dimensions' if side == 'deferred' else 'revenue_dimensions' }} as dimensions,
            source_document,
            source_line_key,
            currency,
            exponent,
            {{ sign }}signed_minor as signed_minor,
            functional_currency,
            functional_exponent,
            {{ sign }}signed_functional_minor as signed_functional_minor
        from deferred_lines
        union all
    {% endfor %}
    select
        entity,
        natural_id as adjusts,
        'reversed' as adjustment,
        substring(line_key, length(natural_id) + 1) as leg,
        {{ dbt.concat(["event", "'_reversed'"]) }} as event,
        posting_date,
        period,
        account,
        dimensions,
        source_document,
        source_line_key,
        currency,
        exponent,
        -signed_minor as signed_minor,
        functional_currency,
        functional_exponent,
        -signed_functional_minor as signed_functional_minor
    from reversed_lines
),

named as (
    select
        books.book,
        sides.*,
        {{ dbt.concat(["books.book", "':'", "sides.adjusts", "':'", "sides.adjustment"]) }} as natural_id
    from sides
    inner join books on sides.entity = books.entity
),

final as (
    select
        book,
        entity,
        natural_id,
        {{ dbt.concat(["natural_id", "leg"]) }} as line_key,
        adjusts,
        event,
        posting_date,
        period,
        account,
        dimensions,
        source_document,
        source_line_key,
        currency,
        exponent,
        cast(signed_minor as bigint) as signed_minor,
        functional_currency,
        functional_exponent,
        cast(signed_functional_minor as bigint) as signed_functional_minor
    from named
)

select * from final
