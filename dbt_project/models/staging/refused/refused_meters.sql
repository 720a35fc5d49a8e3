with

meters as (
    select * from {{ ref('stg_billing__meters') }}
),

words as (
    select * from {{ ref('reference_words') }}
    where source = 'meters'
),

repeated as (
    select distinct natural_key from {{ ref('repeated_reference_rows') }}
    where source = 'meters'
),

checked as (
    select
        meters.meter,
        meters.aggregation,
        meters.bucket,
        meters.file_name,
        meters.line_number,
        case
            when aggregations.word is null or buckets.word is null then 'unknown_word'
            when repeated.natural_key is not null then 'stated_twice'
        end as violation
    from meters
    left join words as aggregations
        on
            meters.aggregation = aggregations.word
            and aggregations.attribute = 'aggregation'
    left join words as buckets
        on
            meters.bucket = buckets.word
            and buckets.attribute = 'bucket'
    left join repeated on meters.meter = repeated.natural_key
),

final as (
    select
        meter,
        aggregation,
        bucket,
        file_name,
        line_number,
        violation
    from checked
    where violation is not null
)

select * from final
