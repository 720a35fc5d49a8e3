with

latest as (
    {{ latest_landed(source('raw_finance', 'accounts'), ['entity_id', 'account_code']) }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

typed as (
    select
        entity_id as entity,
        account_code,
        name as account_name,
        account_type,
        lower(is_receivable) in ('true', 't', '1', 'yes') as is_receivable,
        lower({{ blank_to_null('is_active') }}) as active,
        upper({{ blank_to_null('currency') }}) as currency,
        {{ blank_to_null('required_dimensions') }} as required_dimensions,
        file_name,
        line_number
    from latest
),

judged as (
    select
        typed.*,
        case
            when typed.active not in ('true', 't', '1', 'yes', 'false', 'f', '0', 'no') then 'unknown_word'
            when typed.currency is not null and currencies.currency is null then 'unknown_currency'
            when not {{ matches('typed.required_dimensions', '^[a-z][a-z0-9_]*(;[a-z][a-z0-9_]*)*$') }} then 'malformed_dimensions'
        end as violation
    from typed
    left join currencies on typed.currency = currencies.currency
),

-- Nothing is posted to an account whose terms cannot be read.
final as (
    select
        entity,
        account_code,
        account_name,
        account_type,
        is_receivable,
        violation is null and coalesce(active, 'true') in ('true', 't', '1', 'yes') as is_active,
        currency,
        case when violation is null then required_dimensions end as required_dimensions,
        file_name,
        line_number,
        violation
    from judged
)

select * from final
