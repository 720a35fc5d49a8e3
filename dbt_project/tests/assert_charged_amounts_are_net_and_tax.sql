-- What a price charges is the net and, where it includes it, the tax; a cent between them is charged by no price.
with

invoiced as (
    select
        document_line_key,
        charged_minor,
        amount_minor,
        tax_minor,
        tax_treatment,
        {{ charged_amount('amount_minor', 'tax_minor', 'tax_behavior') }} as stated_minor
    from {{ ref('proposed_invoice_lines') }}
),

-- A credit is in the terms that the price has now, which are not always those of the line that it corrects.
credited as (
    select
        document_line_key,
        charged_minor,
        amount_minor,
        tax_minor,
        tax_treatment,
        case when charged_minor = amount_minor then amount_minor else amount_minor + tax_minor end as stated_minor
    from {{ ref('proposed_credit_memo_lines') }}
),

combined as (
    select * from invoiced
    union all
    select * from credited
)

select
    document_line_key,
    charged_minor,
    amount_minor,
    tax_minor
from combined
where
    charged_minor is distinct from stated_minor
    or amount_minor < 0
    or tax_minor < 0
    or (tax_treatment <> 'taxed' and tax_minor <> 0)
