with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
),

moved as (
    select
        entity,
        period,
        tax_account as account,
        coalesce(tax_code, '') as tax_code,
        currency,
        {{ sum_whole("case when document_type = 'invoice' then tax_minor else 0 end") }} as charged_minor,
        {{ sum_whole("case when document_type = 'invoice' then 0 else tax_minor end") }} as credited_minor
    from billing_lines
    where tax_minor <> 0
    group by
        entity,
        period,
        tax_account,
        coalesce(tax_code, ''),
        currency
),

final as (
    {{ rolled_forward('moved', ['account', 'tax_code', 'currency'], ['charged_minor', 'credited_minor']) }}
)

select * from final
