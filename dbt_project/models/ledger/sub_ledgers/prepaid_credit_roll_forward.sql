with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where kind = 'prepaid'
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
    where kind = 'paid'
),

openings as (
    select * from {{ ref('stg_register_issued__openings') }}
    where opening = 'prepaid_credit'
),

breakage as (
    select * from {{ ref('breakage_postings') }}
    where hold_reason is null
),

-- Signed as the liability is. Credits that were given away are owed to nobody.
movements as (
    select
        entity,
        period,
        revenue_account as account,
        currency,
        0 as opened_minor,
        case when document_type = 'invoice' then amount_minor else 0 end as sold_minor,
        case when document_type = 'invoice' then 0 else amount_minor end as credited_minor,
        0 as drawn_minor,
        0 as restored_minor,
        0 as broken_minor
    from billing_lines
    union all
    select
        entity,
        period,
        account,
        currency,
        0 as opened_minor,
        0 as sold_minor,
        0 as credited_minor,
        case when document_type = 'invoice' then -amount_minor else 0 end as drawn_minor,
        case when document_type = 'invoice' then 0 else -amount_minor end as restored_minor,
        0 as broken_minor
    from credit_applications
    union all
    select
        entity,
        period,
        account,
        currency,
        amount_minor as opened_minor,
        0 as sold_minor,
        0 as credited_minor,
        0 as drawn_minor,
        0 as restored_minor,
        0 as broken_minor
    from openings
    union all
    select
        entity,
        period,
        contract_liability_account as account,
        currency,
        0 as opened_minor,
        0 as sold_minor,
        0 as credited_minor,
        0 as drawn_minor,
        0 as restored_minor,
        -amount_minor as broken_minor
    from breakage
),

moved as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole('opened_minor') }} as opened_minor,
        {{ sum_whole('sold_minor') }} as sold_minor,
        {{ sum_whole('credited_minor') }} as credited_minor,
        {{ sum_whole('drawn_minor') }} as drawn_minor,
        {{ sum_whole('restored_minor') }} as restored_minor,
        {{ sum_whole('broken_minor') }} as broken_minor
    from movements
    group by
        entity,
        period,
        account,
        currency
),

final as (
    {{ rolled_forward('moved', ['account', 'currency'], ['opened_minor', 'sold_minor', 'credited_minor', 'drawn_minor', 'restored_minor', 'broken_minor']) }}
)

select * from final
