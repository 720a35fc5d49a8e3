with

billing_lines as (
    select * from {{ ref('canonical_document_lines') }}
    where
        kind <> 'prepaid'
        and document_type <> 'opening'
),

rated_discounts as (
    select * from {{ ref('stg_register_issued__billing_lines') }}
    where discount_minor is not null
),

credit_applications as (
    select * from {{ ref('stg_register_issued__credit_applications') }}
    where kind = 'promotional'
),

-- A line states the discount on all that was rated of it; what was billed of it before had its share. Before tax, as the net is.
shares as (
    select
        document_line_key,
        tax_behavior,
        tax_rate,
        inclusive_tax_rounding,
        discount_minor - coalesce(lag(discount_minor) over (
            partition by line_key, counts_as_issued
            order by document_position asc, document_line_key asc
        ), 0) as discount_minor
    from rated_discounts
),

discounts as (
    select
        document_line_key,
        case
            when tax_behavior = 'inclusive' then discount_minor - {{ tax_within('discount_minor', 'tax_rate', 'inclusive_tax_rounding') }}
            else discount_minor
        end as discount_minor
    from shares
),

movements as (
    select
        billing_lines.entity,
        billing_lines.period,
        coalesce(billing_lines.product, '*') as product,
        billing_lines.currency,
        case when billing_lines.document_type = 'invoice' then billing_lines.amount_minor + coalesce(discounts.discount_minor, 0) else 0 end as gross_minor,
        case when billing_lines.document_type = 'invoice' then -coalesce(discounts.discount_minor, 0) else 0 end as discount_minor,
        case when billing_lines.document_type = 'invoice' then 0 else billing_lines.amount_minor end as credited_minor,
        0 as promotional_credit_minor,
        billing_lines.tax_minor
    from billing_lines
    left join discounts on billing_lines.document_line_key = discounts.document_line_key
    union all
    select
        entity,
        period,
        '*' as product,
        currency,
        0 as gross_minor,
        0 as discount_minor,
        0 as credited_minor,
        -amount_minor as promotional_credit_minor,
        0 as tax_minor
    from credit_applications
),

final as (
    select
        entity,
        period,
        product,
        currency,
        {{ sum_whole('gross_minor') }} as gross_minor,
        {{ sum_whole('discount_minor') }} as discount_minor,
        {{ sum_whole('credited_minor') }} as credited_minor,
        {{ sum_whole('promotional_credit_minor') }} as promotional_credit_minor,
        {{ sum_whole('gross_minor + discount_minor + credited_minor + promotional_credit_minor') }} as net_minor,
        {{ sum_whole('tax_minor') }} as tax_minor
    from movements
    group by
        entity,
        period,
        product,
        currency
)

select * from final
