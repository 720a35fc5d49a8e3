with

billing_lines as (
    select * from {{ ref('stg_register_issued__billing_lines') }}
    where kind = 'fee'
),

-- A fee's service period lies within one calendar month, so its schedule is one row; a fee that is issued
-- after its month was closed is recognised in the month of its document.
final as (
    select
        document_line_key,
        document_position,
        business_key as source_document,
        entity,
        currency,
        greatest({{ month_start('service_period_start') }}, {{ month_start('posting_date') }}) as recognition_month,
        {{ period_of(month_start('service_period_start')) }} as service_period,
        {{ period_of('greatest(' ~ month_start('service_period_start') ~ ', ' ~ month_start('posting_date') ~ ')') }} as recognition_period,
        amount_minor
    from billing_lines
)

select * from final
