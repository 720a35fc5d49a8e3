with

latest as (
    {{ latest_landed(source('raw_billing', 'charges'), ['charge_id']) }}
),

final as (
    select
        charge_id,
        plan_id,
        lower(kind) as kind,
        lower(charge_model) as charge_model,
        {{ blank_to_null('meter') }} as meter,
        coalesce(lower({{ blank_to_null('billing_timing') }}), 'arrears') as billing_timing,
        product,
        tax_code,
        description,
        {{ blank_to_null('grouped_by') }} as grouped_by,
        {{ blank_to_null('applies_to') }} as applies_to,
        file_name,
        line_number
    from latest
)

select * from final
