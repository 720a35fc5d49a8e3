with

charges as (
    select * from {{ ref('stg_billing__charges') }}
),

plans as (
    select * from {{ ref('stg_billing__plans') }}
),

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

refused_meters as (
    select distinct meter from {{ ref('refused_meters') }}
),

words as (
    select * from {{ ref('reference_words') }}
    where source = 'charges'
),

repeated as (
    select distinct natural_key from {{ ref('repeated_reference_rows') }}
    where source = 'charges'
),

checked as (
    select
        charges.charge_id,
        charges.plan_id,
        charges.kind,
        charges.charge_model,
        charges.billing_timing,
        charges.meter,
        charges.file_name,
        charges.line_number,
        case
            when kinds.word is null or charge_models.word is null or timings.word is null then 'unknown_word'
            when charges.kind = 'usage' and charges.meter is null then 'missing_meter'
            when charges.meter is not null and meters.meter is null then 'unknown_meter'
            when refused_meters.meter is not null then 'refused_meter'
            when plans.plan_id is null then 'unknown_plan'
            when repeated.natural_key is not null then 'stated_twice'
        end as violation
    from charges
    left join words as kinds
        on
            charges.kind = kinds.word
            and kinds.attribute = 'kind'
    left join words as charge_models
        on
            charges.charge_model = charge_models.word
            and charges.kind = charge_models.used_with
            and charge_models.attribute = 'charge_model'
    left join words as timings
        on
            charges.billing_timing = timings.word
            and timings.attribute = 'billing_timing'
    left join repeated on charges.charge_id = repeated.natural_key
    left join plans on charges.plan_id = plans.plan_id
    left join meters on charges.meter = meters.meter
    left join refused_meters on charges.meter = refused_meters.meter
),

final as (
    select
        charge_id,
        plan_id,
        kind,
        charge_model,
        billing_timing,
        meter,
        file_name,
        line_number,
        violation
    from checked
    where violation is not null
)

select * from final
