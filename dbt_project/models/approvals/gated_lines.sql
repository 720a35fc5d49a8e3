with

delta_causes as (
    select * from {{ ref('delta_causes') }}
),

candidates as (
    select * from {{ ref('invoice_line_candidates') }}
),

held_lines as (
    select * from {{ ref('held_lines') }}
),

credited_pieces as (
    select * from {{ ref('credited_pieces') }}
),

decisions as (
    select * from {{ ref('decisions') }}
),

decision_credits as (
    select * from {{ ref('decision_credits') }}
),

issued_lines as (
    select * from {{ ref('issued_line_balances') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

billed as (
    select
        candidates.line_key as gated_key,
        candidates.line_key,
        candidates.entity,
        candidates.customer_id,
        candidates.document_month,
        delta_causes.cause,
        candidates.currency,
        candidates.functional_currency,
        candidates.exchange_rate,
        candidates.charged_minor as signed_minor,
        coalesce(candidates.fingerprint, '') as fingerprint
    from candidates
    inner join delta_causes on candidates.line_key = delta_causes.line_key
    left join held_lines on candidates.line_key = held_lines.line_key
    where held_lines.line_key is null
),

credited as (
    select
        credited_pieces.document_line_key as gated_key,
        credited_pieces.line_key,
        credited_pieces.entity,
        credited_pieces.customer_id,
        credited_pieces.document_month,
        delta_causes.cause,
        credited_pieces.currency,
        credited_pieces.functional_currency,
        cast(credited_pieces.exchange_rate as {{ rate_type() }}) as exchange_rate,
        -credited_pieces.charged_minor as signed_minor,
        coalesce(credited_pieces.fingerprint, '') as fingerprint
    from credited_pieces
    inner join delta_causes on credited_pieces.line_key = delta_causes.line_key
),

decided as (
    select
        decision_credits.document_line_key as gated_key,
        issued_lines.line_key,
        issued_lines.entity,
        issued_lines.customer_id,
        decisions.document_month,
        decisions.cause,
        issued_lines.currency,
        issued_lines.functional_currency,
        cast(issued_lines.exchange_rate as {{ rate_type() }}) as exchange_rate,
        -decision_credits.credit_minor as signed_minor,
        decision_credits.decision_id as fingerprint
    from decision_credits
    inner join decisions on decision_credits.decision_id = decisions.decision_id
    inner join issued_lines on decision_credits.document_line_key = issued_lines.document_line_key
),

combined as (
    select * from billed
    union all
    select * from credited
    union all
    select * from decided
),

final as (
    select
        combined.gated_key,
        combined.line_key,
        combined.entity,
        combined.customer_id,
        combined.document_month,
        combined.cause,
        combined.currency,
        combined.functional_currency,
        combined.signed_minor,
        -- The rate between minor units: 1 JPY is one minor unit, 1 USD is a hundred.
        abs({{ apply_rate(
            'combined.signed_minor',
            "combined.exchange_rate * cast(functional.minor_units as decimal(4, 0)) * cast(transaction_currency.minor_unit_value as decimal(4, 3))"
        ) }}) as gross_minor,
        combined.fingerprint
    from combined
    inner join currencies as transaction_currency on combined.currency = transaction_currency.currency
    inner join currencies as functional on combined.functional_currency = functional.currency
)

select * from final
