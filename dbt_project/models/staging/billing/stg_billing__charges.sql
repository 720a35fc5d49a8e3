with

latest as (
    {{ latest_landed(under_stable_key(source('raw_billing', 'charges'), 'charge_id', 'charge'), ['stable_charge_id']) }}
),

-- A commitment may name charges by any of their names.
named_charges as (
    select
        latest.stable_charge_id,
        {{ ordered_text('stable_keys.stable_key', 'stable_keys.stable_key', '|') }} as stable_keys
    from latest
    inner join {{ ref('stg_crm__stable_keys') }} as stable_keys
        on
            stable_keys.kind = 'charge'
            and strpos('|' || latest.applies_to || '|', '|' || stable_keys.stated_key || '|') > 0
    group by latest.stable_charge_id
),

final as (
    select
        latest.stable_charge_id as charge_id,
        latest.plan_id,
        lower(latest.kind) as kind,
        lower(latest.charge_model) as charge_model,
        {{ blank_to_null('latest.meter') }} as meter,
        coalesce(lower({{ blank_to_null('latest.billing_timing') }}), 'arrears') as billing_timing,
        latest.product,
        latest.tax_code,
        latest.description,
        {{ blank_to_null('latest.grouped_by') }} as grouped_by,
        {{ blank_to_null('latest.applies_to') }} || coalesce('|' || named_charges.stable_keys, '') as applies_to,
        latest.file_name,
        latest.line_number
    from latest
    left join named_charges on latest.stable_charge_id = named_charges.stable_charge_id
)

select * from final
