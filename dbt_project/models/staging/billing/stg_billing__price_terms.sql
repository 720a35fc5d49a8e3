with

latest as (
    {{ latest_landed(source('raw_billing', 'price_terms'), ['price_id', 'price_version', 'term']) }}
),

catalogue as (
    select * from {{ ref('price_term_catalogue') }}
),

typed as (
    select
        latest.price_id,
        latest.price_version,
        lower(trim(latest.term)) as term,
        trim(latest.value) as term_value,
        latest.file_name,
        latest.line_number,
        case
            when catalogue.term is null then 'unknown_term'
            when catalogue.type = 'word' and strpos('|' || catalogue.words || '|', '|' || lower(trim(latest.value)) || '|') = 0 then 'unknown_word'
            when catalogue.type = 'boolean' and lower(trim(latest.value)) not in ('true', 'false') then 'unknown_word'
            when catalogue.type = 'integer' and not {{ matches('trim(latest.value)', '^-?[0-9]{1,9}$') }} then 'not_a_number'
            when catalogue.type = 'decimal' and not {{ matches('trim(latest.value)', '^-?[0-9]{1,12}([.][0-9]{1,12})?$') }} then 'not_a_number'
            when catalogue.type = 'decimal' and {{ matches('trim(latest.value)', '^-') }} then 'negative_price'
            when catalogue.term = 'billing_increment' and not {{ matches('trim(latest.value)', '^[1-9][0-9]{0,5}$') }} then 'not_a_number'
            when catalogue.term = 'days_in_month' and not {{ matches('trim(latest.value)', '^([1-9]|[12][0-9]|3[01])$') }} then 'not_a_number'
            when catalogue.term = 'quantity_precision' and not {{ matches('trim(latest.value)', '^(-?[0-9]|-?1[0-2]|13)$') }} then 'not_a_number'
            when catalogue.term = 'credit_validity_months' and not {{ matches('trim(latest.value)', '^[1-9][0-9]{0,2}$') }} then 'not_a_number'
            when catalogue.term = 'discount_percent' and not {{ matches('trim(latest.value)', '^(([0-9]|[1-9][0-9])([.][0-9]{1,4})?|100([.]0{1,4})?)$') }} then 'not_a_percentage'
            when catalogue.term = 'quantity_divisor' and not {{ matches('trim(latest.value)', '[1-9]') }} then 'not_a_number'
        end as violation
    from latest
    left join catalogue on lower(trim(latest.term)) = catalogue.term
),

final as (
    select
        price_id,
        price_version,
        term,
        term_value,
        file_name,
        line_number,
        violation
    from typed
)

select * from final
