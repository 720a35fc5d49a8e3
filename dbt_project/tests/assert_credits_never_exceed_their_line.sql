-- What a line is credited, by whatever cause, is at most what it was issued with: net and tax each. Tax is given back with the net that it
-- was charged on, never alone: a VAT id that comes later refunds none.
with

credits as (
    select
        corrects_line_key,
        sum(amount_minor) as credit_minor,
        sum(tax_minor) as credit_tax_minor
    from {{ ref('proposed_credit_memo_lines') }}
    group by corrects_line_key
)

select
    balances.document_line_key,
    balances.remaining_minor,
    balances.remaining_tax_minor,
    credits.credit_minor,
    credits.credit_tax_minor
from {{ ref('issued_line_balances') }} as balances
left join credits on balances.document_line_key = credits.corrects_line_key
where
    coalesce(credits.credit_minor, 0) > balances.remaining_minor
    or coalesce(credits.credit_tax_minor, 0) > balances.remaining_tax_minor
    or (balances.remaining_minor = balances.amount_minor and balances.remaining_tax_minor <> balances.tax_minor)
