with

decisions as (
    select * from {{ ref('measured_decisions') }}
    where refusal is null
),

balances as (
    select * from {{ ref('issued_line_balances') }}
    where remaining_minor > 0
),

-- Over the lines of an invoice by what is left of each, by largest remainder, ties broken by the line key.
shares as (
    select
        decisions.decision_id,
        balances.document_line_key,
        decisions.credit_minor as decided_minor,
        balances.tax_rate,
        balances.remaining_minor,
        balances.remaining_tax_minor,
        {{ integer_quotient('cast(decisions.credit_minor as ' ~ wide_integer() ~ ') * balances.remaining_minor', 'decisions.remaining_minor') }} as share_floor,
        cast(decisions.credit_minor as {{ wide_integer() }}) * balances.remaining_minor
        - {{ integer_quotient('cast(decisions.credit_minor as ' ~ wide_integer() ~ ') * balances.remaining_minor', 'decisions.remaining_minor') }} * decisions.remaining_minor as share_remainder
    from decisions
    inner join balances
        on
            decisions.invoice_key = balances.business_key
            and (decisions.document_line_key = balances.document_line_key or decisions.document_line_key is null)
),

ranked as (
    select
        shares.*,
        row_number() over (partition by decision_id order by share_remainder desc, document_line_key asc) as remainder_rank,
        sum(share_floor) over (partition by decision_id) as floor_total
    from shares
),

credited as (
    select
        decision_id,
        document_line_key,
        tax_rate,
        remaining_minor,
        remaining_tax_minor,
        cast(share_floor + case when remainder_rank <= decided_minor - floor_total then 1 else 0 end as bigint) as credit_minor
    from ranked
),

final as (
    select
        decision_id,
        document_line_key,
        remaining_minor,
        remaining_tax_minor,
        credit_minor,
        {{ credited_tax('credit_minor', 'remaining_minor', 'remaining_tax_minor', 'tax_rate') }} as credit_tax_minor
    from credited
    where credit_minor > 0
)

select * from final
